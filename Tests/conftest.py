"""What the tests that drive the built program from outside share: the program itself, and servers of their own."""

import json
import os
import pathlib
import re
import selectors
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent


class Answer:
    """What a server answered."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    """One server over a folder of its own; it is ready when it is made."""

    def __init__(self, binary, folder, *options, public=TOP / "public"):
        self.folder = folder
        # The kernel's choice at the first start; a later one takes the same port.
        self.port = 0
        self.command = [
            str(binary), "serve", "--state-dir", str(folder / "strandline-data"),
            "--data-root", str(folder), "--public", str(public), *map(str, options),
        ]
        self.start()

    def start(self):
        self.log = self.folder / "server.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "--listen", f"127.0.0.1:{self.port}"], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log)
        with self.process.stdout as output:
            self.url = url_when_ready(output, self.process, self.log)
        self.port = int(self.url.rsplit(":", 1)[1])

    def ask(self, path, method="GET", body=None, **headers):
        """Asks for `path`; a body that is no text is sent as JSON."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        data = body.encode() if isinstance(body, str) else body
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=names)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def put(self, path, body):
        answer = self.ask(path, "PUT", body)
        assert answer.status in (200, 201), answer.body
        return answer.json

    def run(self, pipeline, **options):
        """Runs a pipeline to its end."""
        answer = self.ask(f"/v1/pipelines/{pipeline}/runs", "POST", options or None, Prefer="wait=60")
        assert answer.status == 200, answer.body
        return answer.json

    def stop(self, by=signal.SIGTERM):
        """Ends the server, and answers its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        return self.process.wait(timeout=60)


def url_when_ready(output, process, log, seconds=60):
    """The address in the line that a server prints when it is ready; one that prints none fails with what it logged."""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        line = output.readline().decode() if selector.select(seconds) else ""
    if found := re.search(r"ready at (http://\S+)", line):
        return found[1]
    process.kill()
    pytest.fail(f"the server ended with {process.wait()}:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def binary():
    """The built program."""
    path = pathlib.Path(os.environ.get("STRANDLINE_BINARY", TOP / ".build" / "debug" / "strandline"))
    assert path.exists(), f"{path} is not built; `make test` builds it"
    return path


@pytest.fixture
def serve(binary, tmp_path):
    """Makes servers, each over its own folder, and ends them after the test."""
    servers = []

    def make(*options, folder=None, **words):
        folder = folder or tmp_path / f"server-{len(servers)}"
        folder.mkdir(exist_ok=True)
        servers.append(Server(binary, folder, *options, **words))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
