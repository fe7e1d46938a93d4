"""A server that can be killed, and what is needed to look at the files it leaves."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent


def binary() -> Path:
    return Path(os.environ.get("STRANDLINE_BINARY", TOP / ".build" / "debug" / "strandline")).resolve()


def build_fault(folder: Path) -> Path:
    """Compiles the library that does harm, with whatever C compiler the Swift toolchain or the system has."""
    compiler = next(c for c in ("clang", "cc", "gcc") if shutil.which(c))
    library = folder / "fault.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "fault.c", "-ldl"], check=True)
    return library


class Server:
    """`strandline serve` over `folder`; it may die at any moment."""

    def __init__(self, folder: Path, *flags: str, environment: dict | None = None):
        self.folder = folder
        self.process = subprocess.Popen(
            [binary(), "serve", "--listen", "127.0.0.1:0", "--state-dir", folder / "state", "--data-root", folder,
             "--log-level", "error", *flags],
            stdout=subprocess.PIPE, stderr=(folder / "server.log").open("ab"), text=True,
            env={**os.environ, **(environment or {})},
        )
        self.url = None
        for line in self.process.stdout:
            if found := re.search(r"http://[\d.]+:\d+", line):
                self.url = found.group(0)
                break

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def call(self, method: str, path: str, body: dict | None = None, **headers: str):
        """The answer as JSON; None when the server died, which is what these tests are about."""
        if self.url is None:
            return None
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode() if body is not None else b"" if method == "POST" else None,
            method=method, headers={"Content-Type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None
        except (OSError, ValueError):
            if self.is_alive:
                self.process.wait(timeout=10)  # a connection may break just before the process is gone
            return None

    def run(self, pipeline: str, **options):
        """Triggers a run and waits for its end; None when the server died."""
        return self.call("POST", f"/v1/pipelines/{pipeline}/runs", options or None, Prefer="wait=60")

    def until(self, look):
        """What `look` answers once that is true: it looks at once, then after each event. None when the server died."""
        if self.url is None:
            return None
        try:
            with urllib.request.urlopen(self.url + "/v1/events", timeout=60) as events:
                if found := look():
                    return found
                for line in events:
                    if line.startswith(b"data:") and (found := look()):
                        return found
        except (OSError, http.client.HTTPException):
            pass
        # Nothing but its death ends the stream.
        self.process.wait(timeout=10)
        return None

    def settle(self):
        """Waits until no run is queued or running; answers the newest run."""
        def settled() -> dict | None:
            runs = self.call("GET", "/v1/runs?limit=100")
            if runs is None or any(run["state"] in ("queued", "running") for run in runs["runs"]):
                return None
            return runs

        runs = self.until(settled)
        return runs["runs"][0] if runs and runs["runs"] else None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        assert code == 0, f"the server ended with {code}: {(self.folder / 'server.log').read_text()[-2000:]}"


def query(file: Path, sql: str, *parameters):
    """All rows of a query on a database."""
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as database:
        return database.execute(sql, parameters).fetchall()


def change(file: Path, sql: str, *parameters) -> None:
    """Runs statements on a database and commits them."""
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as database:
        if parameters:
            database.execute(sql, parameters)
            database.commit()
        else:
            database.executescript(sql)


def difference(folder: Path, table: str = "orders") -> list:
    """Rows that are in only one of source.db and warehouse.db."""
    with contextlib.closing(sqlite3.connect(folder / "warehouse.db", timeout=30)) as database:
        database.execute("ATTACH ? AS source", (str(folder / "source.db"),))
        if not database.execute("SELECT 1 FROM main.sqlite_schema WHERE name = ?", (table,)).fetchone():
            return database.execute(f"SELECT * FROM source.{table}").fetchall()
        left = database.execute(f"SELECT * FROM source.{table} EXCEPT SELECT * FROM main.{table}").fetchall()
        right = database.execute(f"SELECT * FROM main.{table} EXCEPT SELECT * FROM source.{table}").fetchall()
        counts = database.execute(
            f"SELECT (SELECT count(*) FROM source.{table}) - (SELECT count(*) FROM main.{table})").fetchone()
        return left + right + ([counts] if counts != (0,) else [])


def check_destination(folder: Path) -> None:
    """What must hold of a destination at every instant, however the server died."""
    file = folder / "warehouse.db"
    if not file.exists() or not query(file, "SELECT 1 FROM sqlite_schema WHERE name = '_strandline_loads'"):
        return
    assert query(file, "PRAGMA integrity_check") == [("ok",)]
    has_table = query(file, "SELECT 1 FROM sqlite_schema WHERE name = 'orders'")
    loads = query(file, "SELECT run, step, sum(rows_inserted), sum(rows_deleted) FROM _strandline_loads")
    marks = query(file, "SELECT value FROM _strandline_watermarks")
    if not has_table:
        assert not marks, "a watermark without a table"
        return
    # No row above the watermark, and no watermark above the rows: they commit together.
    highest = query(file, "SELECT max(updated_at) FROM orders")[0][0]
    assert [mark[0] for mark in marks] in ([highest], []), (marks, highest)
    rows = query(file, "SELECT count(*) FROM orders")[0][0]
    assert loads[0][2] - loads[0][3] == rows, "the records do not add up to the rows"
