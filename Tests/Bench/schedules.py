"""Five thousand scheduled pipelines: how late those come that fall due together, and what the others cost meanwhile."""
import json
import math
import subprocess
import time
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

from server import Server

ALL, DUE, ROWS = 5_000, 200, 100


class Schedules:
    """Three kinds of pipelines, each of which loads a small table into a file of its own: of the first 200 all ticks
    fall on one instant, of the next 200 they are spread over a second, and those of the others are far away."""

    def __init__(self, binary: Path, folder: Path):
        self.binary, self.folder = binary, folder
        folder.mkdir()

    def measure(self, report) -> None:
        self.write()
        documents = self.folder / "pipelines"
        Server(self.binary, self.folder, "--config-dir", documents).stop()
        server = Server(self.binary, self.folder, "--config-dir", documents)
        read_again = server.ready_after * 1000
        server.stop()
        server = Server(self.binary, self.folder)
        try:
            report(
                f"start to ready, {ALL:,} schedules", server.ready_after * 1000, 200, "ms",
                f"{read_again:.0f} ms where their documents are read again",
            )
            report("resident memory, idle", server.resident_megabytes(), 40, "MB", "after start")
            for number in range(DUE, 2 * DUE):
                server.post(f"/v1/pipelines/p{number:04}/pause")
            self.one_instant(server, report)
            self.idle(server, report)
            for number in range(DUE, 2 * DUE):
                server.post(f"/v1/pipelines/p{number:04}/resume")
            self.one_second(server, report)
        finally:
            server.stop()

    def write(self) -> None:
        """The source and the documents; the destinations are made by the first runs."""
        subprocess.run(
            ["sqlite3", "-bail", "-batch", self.folder / "source.db"], text=True, check=True, stdout=subprocess.DEVNULL,
            input=f"""
            PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, updated_at TEXT);
            CREATE INDEX orders_by_updated_at ON orders (updated_at);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
            INSERT INTO orders SELECT i, strftime('%Y-%m-%dT%H:%M:%SZ', 1704067200 + i, 'unixepoch') FROM n;
            """,
        )
        connections = {f"d{number}": {"type": "sqlite", "path": f"d{number}.db"} for number in range(DUE)}
        connections["source"] = {"type": "sqlite", "path": "source.db"}
        documents = self.folder / "pipelines"
        documents.mkdir()
        (documents / "connections.json").write_text(json.dumps({"connections": connections}))
        for first in range(0, ALL, 100):
            pipelines = [self.pipeline(number) for number in range(first, first + 100)]
            (documents / f"{first:04}.json").write_text(json.dumps({"pipelines": pipelines}))

    def pipeline(self, number: int) -> dict:
        far = f"{number % 60} {number // 60 % 24} 29 2 *"
        schedule = {0: "* * * * *", 1: {"every": "20s", "jitter": "1s"}}.get(number // DUE, far)
        step = {
            "name": "orders", "source": {"connection": "source", "table": "orders"},
            "destination": {"connection": f"d{number % DUE}", "table": f"orders{number // DUE}"},
            "strategy": "timestamp", "cursor": "updated_at", "primary_key": ["id"],
        }
        return {"name": f"p{number:04}", "schedule": schedule, "steps": [step]}

    def one_instant(self, server: Server, report) -> None:
        """The second tick of 200 pipelines that tick each minute: the first has made their tables."""
        for _ in range(2):
            tick = next_multiple(60)
            before = self.rest_until(tick - 1, server)
            runs = self.runs(server, tick, tick)
        used = server.processor_seconds() - before
        report(
            f"{DUE} ticks at one instant: to queued", late(runs, "created_at"), 100, "ms",
            f"99 of 100; to the start {late(runs, 'started_at'):.0f} ms, since a load took {used / DUE * 1000:.1f} ms of "
            "processor time, and four go at once",
        )

    def one_second(self, server: Server, report) -> None:
        for _ in range(2):
            # At the full minute the others tick as well.
            tick = next_multiple(20)
            if tick % 60 == 0:
                tick += 20
            self.rest_until(tick - 1, server)
            runs = self.runs(server, tick, tick + 1)
        report(
            f"{DUE} ticks within one second: to start", late(runs, "started_at"), 100, "ms",
            f"99 of 100; to queued {late(runs, 'created_at'):.0f} ms",
        )

    def idle(self, server: Server, report) -> None:
        """While nothing is due: the minute has just been dealt with."""
        seconds = 20
        before, start = server.processor_seconds(), time.monotonic()
        time.sleep(seconds)
        share = (server.processor_seconds() - before) / (time.monotonic() - start)
        report(
            "the server's processor use, waiting", share * 100, 2, "%",
            f"over {seconds} s; {DUE} tick each minute, {ALL - 2 * DUE:,} once in four years",
        )

    def rest_until(self, instant: float, server: Server) -> float:
        time.sleep(max(0, instant - time.time()))
        return server.processor_seconds()

    def runs(self, server: Server, first: float, last: float) -> list[dict]:
        """The runs of the ticks in a range, once all have ended; the server is left alone until they may have."""
        time.sleep(max(0, last + 4 - time.time()))
        since = datetime.fromtimestamp(first - 1, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        for _ in range(20):
            listing = json.loads(server.get(f"/v1/runs?limit=1000&since={since}"))["runs"]
            runs = [run for run in listing if first <= instant(run["scheduled_for"]) <= last]
            if len(runs) == DUE and all(run["state"] == "success" for run in runs):
                return runs
            time.sleep(1)
        raise SystemExit(f"{len(runs)} runs instead of {DUE}: {[run for run in runs if run['state'] != 'success'][:1]}")


def next_multiple(seconds: int) -> float:
    """The next instant that is a multiple of so many seconds, and not at once."""
    return math.ceil((time.time() + 2) / seconds) * seconds


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def late(runs: list[dict], key: str) -> float:
    """By how many milliseconds 99 of 100 runs are at most later than their ticks."""
    delays = sorted(instant(run[key]) - instant(run["scheduled_for"]) for run in runs)
    return delays[math.ceil(len(delays) * 0.99) - 1] * 1000
