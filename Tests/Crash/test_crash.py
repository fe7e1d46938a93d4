"""Kills the server at every write it makes and at random, and checks that no row is lost or doubled."""
import os
import random
import shutil
from pathlib import Path

import pytest

from crash_server import Server, build_fault, change, check_destination, difference, query

PIPELINES = {
    "upsert": {"strategy": "timestamp", "cursor": "updated_at", "write_mode": "upsert", "primary_key": ["id"]},
    "delete_insert": {
        "strategy": "timestamp", "cursor": "updated_at", "write_mode": "delete_insert", "primary_key": ["id"]},
    "append": {"strategy": "timestamp", "cursor": "updated_at", "write_mode": "append", "primary_key": ["id"]},
    "full_refresh": {"strategy": "full_refresh", "primary_key": ["id"]},
}


def make_source(folder: Path, rows: int) -> None:
    change(
        folder / "source.db",
        f"""
        PRAGMA journal_mode = WAL;
        CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, updated_at TEXT);
        CREATE INDEX orders_by_updated_at ON orders (updated_at);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
        INSERT INTO orders SELECT i, 'note ' || i, strftime('%Y-%m-%dT%H:%M:%SZ', 1704067200 + i / 3, 'unixepoch')
        FROM n;
        """)


def declare(server: Server, mode: str) -> None:
    for name, path in (("source", "source.db"), ("warehouse", "warehouse.db")):
        server.call("PUT", f"/v1/connections/{name}", {"type": "sqlite", "path": path})
    step = {
        "name": "orders", "source": {"connection": "source", "table": "orders"},
        "destination": {"connection": "warehouse", "table": "orders"}, **PIPELINES[mode]}
    server.call(
        "PUT", "/v1/pipelines/orders",
        {"retries": {"max_attempts": 3, "backoff": "1s", "max_backoff": "1s"}, "steps": [step]})


@pytest.fixture(scope="session")
def fault(tmp_path_factory) -> Path:
    return build_fault(tmp_path_factory.mktemp("fault"))


def prepared(folder: Path, mode: str, rows: int) -> Path:
    """A folder with a source, a state directory that knows the pipeline, and no destination yet."""
    folder.mkdir()
    make_source(folder, rows)
    server = Server(folder)
    declare(server, mode)
    server.stop()
    return folder


FLAGS = ("--rows-per-commit", "40")


@pytest.mark.parametrize("mode", PIPELINES)
def test_no_row_is_lost_or_doubled_when_killed_at_any_write_of_a_load(mode, fault, tmp_path):
    """DESIGN guarantee 1: at every write, cut, sync and removal of the destination's files."""
    template = prepared(tmp_path / "template", mode, rows=100)
    count = tmp_path / "count"

    def attempt(at: int, harm: str) -> tuple[bool, Path]:
        folder = tmp_path / "world"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        server = Server(folder, *FLAGS, environment={
            "LD_PRELOAD": str(fault), "STRANDLINE_FAULT_FILE": "warehouse.db", "STRANDLINE_FAULT_MODE": harm,
            "STRANDLINE_FAULT_AT": str(at), "STRANDLINE_FAULT_COUNT": str(count)})
        run = server.run("orders")
        died = run is None
        server.kill()
        return died, folder

    count.unlink(missing_ok=True)
    died, folder = attempt(0, "none")
    assert not died and difference(folder) == []
    points = count.stat().st_size
    assert points > 10, points
    # All points when asked for; else a spread of them that ends in time.
    step = 1 if os.environ.get("STRANDLINE_ALL_POINTS") else max(1, points // 14)
    for harm in ("kill", "torn"):
        for at in range(1, points + 1, step):
            died, folder = attempt(at, harm)
            check_destination(folder)
            server = Server(folder, *FLAGS)
            run = server.settle()
            if run is None or run["state"] != "success":
                # The trigger itself was not acknowledged, or was cut off before it was stored.
                run = server.run("orders")
            assert run["state"] == "success", (harm, at, run)
            assert difference(folder) == [], (harm, at)
            check_destination(folder)
            step_run = run["steps"][0]
            if mode != "full_refresh":
                read = sum(step_run[k] for k in ("rows_inserted", "rows_updated", "rows_unchanged"))
                assert step_run["rows_read"] == read, step_run
            again = server.run("orders")["steps"][0]
            if mode != "full_refresh":
                assert (again["rows_inserted"], again["rows_updated"], again["rows_deleted"]) == (0, 0, 0), (harm, at)
            server.stop()


@pytest.mark.parametrize("harm", ["eio", "enospc"])
def test_a_disk_that_fails_leaves_the_destination_whole(harm, fault, tmp_path):
    """A write that fails, once or for good, leaves rows and watermark together; the run says what to do."""
    template = prepared(tmp_path / "template", "upsert", rows=100)
    for at in range(1, 40, 1 if os.environ.get("STRANDLINE_ALL_POINTS") else 6):
        folder = tmp_path / "world"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        server = Server(folder, *FLAGS, environment={
            "LD_PRELOAD": str(fault), "STRANDLINE_FAULT_FILE": "warehouse.db", "STRANDLINE_FAULT_MODE": harm,
            "STRANDLINE_FAULT_AT": str(at)})
        run = server.run("orders")
        assert server.is_alive and run["state"] in ("success", "failed"), run
        if run["state"] == "failed":
            assert run["error"]["code"] in ("disk_full", "input_output"), run["error"]
            assert run["error"]["hint"], run["error"]
        server.stop()
        check_destination(folder)
        server = Server(folder, *FLAGS)
        assert server.run("orders")["state"] == "success"
        assert difference(folder) == [], (harm, at)
        server.stop()


def test_a_year_of_kills_ends_with_equal_tables(tmp_path):
    """Random changes, triggers and kill -9 in mid-load; after each restart the tables become equal again."""
    seed = int(os.environ.get("STRANDLINE_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    chance = random.Random(seed)
    folder = prepared(tmp_path / "world", "upsert", rows=20_000)
    now = 1704067200 + 20_000
    killed = 0
    for cycle in range(25):
        server = Server(folder, "--rows-per-commit", "1000")
        first = chance.randrange(20_000)
        now += 60
        change(
            folder / "source.db",
            f"""
            UPDATE orders SET note = 'changed in {cycle}', updated_at =
                strftime('%Y-%m-%dT%H:%M:%SZ', {now} + id % 50, 'unixepoch') WHERE id BETWEEN {first} AND {first + 5000};
            INSERT INTO orders (note, updated_at) SELECT 'new in {cycle}',
                strftime('%Y-%m-%dT%H:%M:%SZ', {now}, 'unixepoch') FROM orders LIMIT {chance.randrange(500)};
            """)
        acknowledged = server.call("POST", "/v1/pipelines/orders/runs")
        if chance.random() < 0.7:
            # Killed once the load has begun to commit, at a moment that chance decides.
            for _ in range(chance.randrange(1, 40)):
                if (server.call("GET", f"/v1/runs/{acknowledged['id']}") or {}).get("state") == "success":
                    break
            server.kill()
            killed += 1
            check_destination(folder)
            server = Server(folder, "--rows-per-commit", "1000")
        server.settle()
        run = server.call("GET", f"/v1/runs/{acknowledged['id']}")
        assert run["state"] == "success", run  # an acknowledged trigger survives
        assert difference(folder) == [], cycle
        check_destination(folder)
        server.stop()
    assert killed > 5
    states = query(folder / "state" / "control.db", "SELECT DISTINCT state FROM runs")
    assert states == [("success",)], states


def test_a_backfill_that_is_killed_again_and_again_loads_each_partition_once(tmp_path):
    """PAINS 39 and 40: kill -9 in mid-backfill; no committed partition is repeated, none is left out."""
    seed = int(os.environ.get("STRANDLINE_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    chance = random.Random(seed)
    folder = prepared(tmp_path / "world", "upsert", rows=20_000)
    server = Server(folder)
    assert server.run("orders")["state"] == "success"
    marks = query(folder / "warehouse.db", "SELECT * FROM _strandline_watermarks")
    # A change that no cursor shows.
    change(folder / "source.db", "UPDATE orders SET note = 'mended ' || id")
    backfill = server.call(
        "POST", "/v1/backfills",
        {"pipeline": "orders", "column": "id", "interval": 200, "start": 1, "end": 20_001, "parallelism": 2,
         "order": chance.choice(["asc", "desc"])})
    path = f"/v1/backfills/{backfill['id']}"
    killed = 0
    while True:
        done = server.call("GET", path)["partitions"]["success"]
        aim = done + chance.randrange(1, 25)
        while True:
            backfill = server.call("GET", path)
            if backfill["partitions"]["success"] >= aim or backfill["state"] == "success":
                break
        if backfill["state"] == "success":
            break
        server.kill()
        killed += 1
        check_destination(folder)
        server = Server(folder)
    assert killed >= 3
    assert backfill["partitions"] == {
        "total": 100, "pending": 0, "running": 0, "success": 100, "failed": 0, "cancelled": 0}
    assert backfill["rows_updated"] == backfill["rows_read"] == 20_000  # a partition that is repeated updates nothing
    assert difference(folder) == []
    # Each has committed once, and the watermark has not moved.
    assert query(
        folder / "warehouse.db",
        "SELECT count(*), max(commit_order), sum(rows_updated) FROM _strandline_partitions") == [(100, 100, 20_000)]
    assert query(folder / "warehouse.db", "SELECT * FROM _strandline_watermarks") == marks
    assert len(server.call("GET", "/v1/runs")["runs"]) == 1
    server.stop()
