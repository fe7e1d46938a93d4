"""`strandline status`: the overview in a terminal, alive."""

import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import time

import pytest

PIPELINE = {
    "freshness": {"warn_after": "1s", "error_after": "1h", "basis": "last_success"},
    "steps": [{
        "name": "orders", "source": {"connection": "shop", "table": "orders"},
        "destination": {"connection": "warehouse", "table": "orders"},
        "strategy": "timestamp", "cursor": "updated_at", "primary_key": ["id"]}],
}


@pytest.fixture
def server(serve):
    server = serve()
    with sqlite3.connect(server.folder / "shop.db") as shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, updated_at TEXT)")
        shop.execute("INSERT INTO orders VALUES (1, '2024-01-01T00:00:00Z')")
    for name in ["shop", "warehouse"]:
        assert server.ask(f"/v1/connections/{name}", "PUT", {"type": "sqlite", "path": f"{name}.db"}).status == 201
    assert server.ask("/v1/pipelines/orders", "PUT", PIPELINE).status == 201
    return server


class Screen:
    """A command on a terminal, and what it has shown."""

    def __init__(self, command, **variables):
        self.text = ""
        self.leader, follower = pty.openpty()
        self.process = subprocess.Popen(
            command, stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
            env={"TERM": "xterm", **variables})
        os.close(follower)

    def until(self, pattern, start=0):
        """Reads on until what is shown behind `start` has the pattern; answers where that ends."""
        end = time.monotonic() + 60
        while not (found := re.search(pattern, self.text[start:])):
            assert time.monotonic() < end, self.text[start:]
            if select.select([self.leader], [], [], 1)[0]:
                self.text += os.read(self.leader, 65536).decode()
        return start + found.end()


def test_the_watch_shows_what_happens(server, binary):
    screen = Screen([binary, "status", "--watch", "--server", server.url])
    place = screen.until("never ran")
    assert server.ask("/v1/pipelines/orders/runs", "POST").status == 202
    place = screen.until(r"\x1b\[32mfresh\x1b\[0m .*success", place)
    # By the clock, though nothing happens.
    place = screen.until(r"\x1b\[33mwarn\x1b\[0m .*\[[#|-]{12}\] \d+ s", place)
    screen.until("orders is warn since .* no load has succeeded since", place)
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait(60) == 0


def test_no_colour_where_nobody_wants_it(server, binary):
    screen = Screen([binary, "status", "--server", server.url], NO_COLOR="1")
    screen.until("unknown")
    assert screen.process.wait(60) == 0
    plain = subprocess.run([binary, "status", "--server", server.url], capture_output=True, text=True, timeout=60)
    assert plain.returncode == 0 and "unknown" in plain.stdout
    assert "\x1b" not in plain.stdout and "\x1b" not in screen.text


def test_a_pipe_gets_a_line_for_each_change(server, binary):
    watch = subprocess.Popen(
        [binary, "status", "--watch", "--json", "--server", server.url], stdout=subprocess.PIPE, text=True)
    try:
        assert '"status":"unknown"' in watch.stdout.readline()
        assert server.ask("/v1/pipelines/orders/runs", "POST").status == 202
        while '"last_run_state":"success"' not in watch.stdout.readline():
            pass
    finally:
        watch.send_signal(signal.SIGINT)
        assert watch.wait(60) == 0
