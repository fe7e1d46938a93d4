"""`strandline run` against a server that breaks off, as one does that is started anew."""

import http.server
import json
import subprocess
import threading

import pytest


class BrokenServer(http.server.ThreadingHTTPServer):
    """Answers for one run and its events, and first breaks off as often as it is told, by method, or after that many events."""

    def __init__(self, **breaks):
        super().__init__(("127.0.0.1", 0), Handler)
        self.last = "run_finished"
        self.breaks, self.keys, self.places, self.asked = breaks, [], [], []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def finish_request(self, request, client_address):
        try:
            super().finish_request(request, client_address)
        except ConnectionError:
            pass


class Handler(http.server.BaseHTTPRequestHandler):
    @property
    def events(self):
        kinds = ["work_queued", "work_started", self.server.last]
        return [f"id: {n}\nevent: {kind}\ndata: {{}}\n\n" for n, kind in enumerate(kinds, 1)]

    def answer(self, state):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.breaks.get(self.command, 0) > 0:
            self.server.breaks[self.command] -= 1
            self.close_connection = True
            return
        body = json.dumps({"id": "01", "pipeline": "p", "state": state, "steps": [], "partitions": {"running": 0}}).encode()
        kind, sent, status = "application/json", body, 200
        self.server.asked.append(self.path)
        if self.path.endswith("/events") and self.server.breaks.get("refusals", 0) > 0:
            self.server.breaks["refusals"] -= 1
            status, sent = 503, json.dumps({"detail": "too many streams", "code": "too_many_streams"}).encode()
            body = sent
        elif self.path.endswith("/events"):
            place = int(self.headers.get("Last-Event-ID") or 0)
            self.server.places.append(place)
            kind, body = "text/event-stream", "".join(self.events[place:]).encode()
            sent = "".join(self.events[place:][:self.server.breaks.pop("events", 9)]).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection = sent != body

    def do_POST(self):
        self.server.keys.append(self.headers["Idempotency-Key"])
        self.answer("queued")

    def do_GET(self):
        # The work is found to have ended by who has heard so, or the third time that it is asked for.
        times = sum(1 for path in self.server.asked if path == self.path)
        self.answer("success" if self.server.places or times >= 2 else "running")

    def log_message(self, *words):
        pass


@pytest.fixture
def broken():
    servers = []

    def make(**breaks):
        servers.append(BrokenServer(**breaks))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1]

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def run(binary, server, *words):
    return subprocess.run(
        [binary, "run", "p", "--server", server.url, *words], capture_output=True, text=True, timeout=90)


def test_a_request_that_was_not_answered_is_sent_again_with_its_key(binary, broken):
    server = broken(POST=2)
    done = run(binary, server)
    assert done.returncode == 0, done.stderr
    assert len(server.keys) == 3 and len(set(server.keys)) == 1 and server.keys[0]
    assert "asking again for 1m" in done.stderr and "the server answers again" in done.stderr


def test_events_are_taken_up_where_they_broke_off(binary, broken):
    server = broken(events=2)
    done = run(binary, server, "--wait")
    assert done.returncode == 0, done.stderr
    assert server.places == [0, 2]
    assert "asking again for 1m" in done.stderr and "the server answers again" in done.stderr


def test_waiting_outlasts_a_stream_that_fails(binary, broken):
    done = run(binary, broken(GET=2), "--wait")
    assert done.returncode == 0, done.stderr
    assert "asking again for 1m" in done.stderr and "the server answers again" in done.stderr
    assert "success" in done.stdout


def test_a_server_that_is_not_there_is_not_waited_for(binary, broken):
    server = broken()
    server.shutdown()
    server.server_close()
    done = run(binary, server)
    assert done.returncode == 1
    assert "cannot reach" in done.stderr and "asking again" not in done.stderr


@pytest.mark.parametrize("refusals, places", [(1, [0]), (9, [])])
def test_waiting_does_without_a_stream_that_is_refused(binary, broken, refusals, places):
    server = broken(refusals=refusals)
    done = run(binary, server, "--wait")
    assert done.returncode == 0, done.stderr
    assert "success" in done.stdout
    # Asked for the run itself meanwhile, and for the stream again.
    assert server.asked.count("/v1/runs/01") >= 1 and server.asked.count("/v1/runs/01/events") >= 2
    assert server.places == places
    assert "asking again" not in done.stderr


@pytest.mark.parametrize("words, path, kind", [
    (["backfill", "p", "--start", "2024-01-01", "--end", "2024-01-02"], "/v1/backfills/01", "backfill_finished"),
    (["audit", "p"], "/v1/audits/01", "audit_finished"),
])
def test_backfills_and_audits_are_followed_by_their_events(binary, broken, words, path, kind):
    server = broken()
    server.last = kind
    done = subprocess.run(
        [binary, *words, "--wait", "--server", server.url], capture_output=True, text=True, timeout=90)
    assert "success" in done.stdout, done.stderr
    # The stream until it tells the end, then once what has become of the work: nothing is asked in between.
    assert [place for place in server.asked if place != "/v1/events"][-2:] == [path + "/events", path]
    assert server.asked.count(path) == 1 and server.places == [0]
