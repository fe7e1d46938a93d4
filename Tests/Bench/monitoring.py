"""What it costs to be watched: answers about 5,000 pipelines while loads run, and one pipeline's freshness beside a plain
libmicrohttpd server in C that answers the same bytes."""

import contextlib
import http.client
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from server import Server

PIPELINES = 5_000
# Those of them that are loaded every second while the others are looked at.
BUSY = 50
SCRAPES = 300
BOUND = 25.0
# The rate of a single pipeline's freshness is at least this part of the plain server's.
PART = 0.7


def run_all(bench) -> None:
    """Both figures, each on a server of its own over a fresh folder."""
    with serving(bench, PIPELINES, BUSY) as (server, _):
        answers_while_loads_run(bench, server)
    with serving(bench, 1, 0) as (server, names):
        beside_plain(bench, server, names[0])


@contextlib.contextmanager
def serving(bench, count: int, busy: int):
    """A server with so many pipelines, some of which are loaded every second."""
    folder = bench.folder / "monitored"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pipelines").mkdir(parents=True)
    subprocess.run(
        ["sqlite3", folder / "source.db",
         "PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, updated_at TEXT);"
         "INSERT INTO orders VALUES (1, '2024-03-01T10:00:00Z')"], check=True, stdout=subprocess.DEVNULL)
    names = [f"pipeline-{number:04}" for number in range(count)]
    files = {"connections": {
        "connections": {name: {"type": "sqlite", "path": f"{name}.db"} for name in ("source", "warehouse")}}}
    # A file of documents is bounded.
    for start in range(0, count, 1_000):
        part = names[start:start + 1_000]
        files[part[0]] = {"pipelines": [pipeline(name, start + place < busy) for place, name in enumerate(part)]}
    for name, document in files.items():
        (folder / "pipelines" / f"{name}.json").write_text(json.dumps(document))
    server = Server(bench.binary, folder, "--config-dir", folder / "pipelines")
    try:
        yield server, names
    finally:
        server.stop()


def pipeline(name: str, is_busy: bool) -> dict:
    schedule = {"schedule": {"every": "1s"}} if is_busy else {}
    return {
        "name": name, **schedule, "freshness": {"warn_after": "1h", "error_after": "2h"},
        "steps": [{
            "name": "orders", "source": {"connection": "source", "table": "orders"},
            "destination": {"connection": "warehouse", "table": name.replace("-", "_")},
            "strategy": "timestamp", "cursor": "updated_at", "primary_key": ["id"],
        }],
    }


def answers_while_loads_run(bench, server) -> None:
    line = http.client.HTTPConnection(server.url.removeprefix("http://"))

    def took(path: str) -> tuple[float, int]:
        start = time.monotonic()
        line.request("GET", path)
        answer = line.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{path} answered {answer.status}: {body[:200]}")
        return (time.monotonic() - start) * 1000, len(body)

    for path in ("/v1/freshness", "/metrics"):
        before = runs(server)
        times = []
        while len(times) < SCRAPES or runs(server) == before:
            milliseconds, size = took(path)
            times.append(milliseconds)
        times.sort()
        bench.report(
            f"{path}, {PIPELINES:,} pipelines, p99", times[len(times) * 99 // 100], BOUND, "ms",
            f"median {statistics.median(times):.1f} ms, {size / 1e6:.1f} MB, beside {runs(server) - before} runs")


def runs(server) -> int:
    """How many runs have ended."""
    count = next(line for line in server.get("/metrics").splitlines() if "run_duration_seconds_count" in line)
    return int(count.split()[-1])


def beside_plain(bench, server, name: str) -> None:
    ask, plain = (compiled(bench.folder, program) for program in ("ask", "plain"))
    path = f"/v1/freshness/{name}"
    port = int(server.url.rsplit(":", 1)[1])
    line = http.client.HTTPConnection("127.0.0.1", port)
    line.request("GET", path)
    answer = line.getresponse()
    body = answer.read()
    own = {"date", "content-length", "connection"}
    fields = [f"{field}: {value}" for field, value in answer.getheaders() if field.lower() not in own]
    line.close()
    (bench.folder / "plain.headers").write_text("\n".join(fields) + "\n")
    (bench.folder / "plain.body").write_bytes(body)
    process = subprocess.Popen(
        [plain, "2", bench.folder / "plain.headers", bench.folder / "plain.body"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    try:
        other = int(process.stdout.readline())

        def rate(port: int) -> float:
            done = subprocess.run(
                [ask, str(port), path, "16", "1"], check=True, capture_output=True, text=True).stdout.split()
            return int(done[0]) / float(done[1])

        rates = [(rate(port), rate(other)) for _ in range(bench.repeats * 2 + 1)]
    finally:
        process.stdin.close()
        process.wait(timeout=10)
    ours, theirs = (statistics.median(side) for side in zip(*rates))
    ratio = statistics.median(theirs / ours for ours, theirs in rates)
    bench.report(
        "a plain C server's rate over ours", ratio, 1 / PART, "x",
        f"{len(body)} bytes, {ours:,.0f} against {theirs:,.0f} answers a second")


def compiled(folder: Path, name: str) -> Path:
    program = folder / name
    source = Path(__file__).parent / f"{name}.c"
    subprocess.run(
        [shutil.which("cc") or "clang", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o", program, source, "-lmicrohttpd"], check=True)
    return program
