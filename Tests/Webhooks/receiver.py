"""A receiver of messages on loopback, which remembers what it got and answers as it is told."""

import http.server
import threading


class Receiver(http.server.ThreadingHTTPServer):
    """Answers each request with the next of `statuses`, then with 200."""

    def __init__(self, *statuses, headers=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.answer_headers = list(statuses), headers or {}
        self.requests, self.changed = [], threading.Condition()
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait(self, count, seconds=30):
        """The first `count` requests, once there are as many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, seconds), self.requests
            return self.requests[:count]


class Request:
    """What was posted: path, headers and the body's bytes."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server = self.server
        with server.changed:
            status = server.statuses.pop(0) if server.statuses else 200
            server.requests.append(Request(self.path, dict(self.headers), body))
            server.changed.notify_all()
        self.send_response(status)
        for name, value in server.answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass
