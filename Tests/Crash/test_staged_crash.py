"""Kills the server while a backfill stages, publishes, is cancelled or put back; readers find all of it or nothing."""
import os
import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from crash_server import Server, change, query
from test_crash import fault, prepared  # noqa: F401  (a fixture)

ROWS = "SELECT rowid, * FROM orders ORDER BY id"
HIDDEN = (
    "SELECT name FROM sqlite_schema WHERE name LIKE '!_strandline!_shadow%' ESCAPE '!' "
    "OR name LIKE '!_strandline!_noted%' ESCAPE '!'")
# What no cursor shows: rows that changed, rows that came, rows that are gone.
SPOIL = """
    UPDATE orders SET note = 'mended ' || id WHERE id % 2 = 0;
    DELETE FROM orders WHERE id % 10 = 5;
    INSERT INTO orders SELECT id + 1000000, 'came', updated_at FROM orders WHERE id % 10 = 1;
    """


def loaded(folder: Path, rows: int) -> Path:
    """A folder whose destination holds what the source has held."""
    prepared(folder, "upsert", rows=rows)
    server = Server(folder)
    assert server.run("orders")["state"] == "success"
    server.stop()
    change(folder / "source.db", SPOIL)
    return folder


def request(auto: bool, interval: int) -> dict:
    return {
        "pipeline": "orders", "column": "id", "interval": interval, "start": 0, "end": 2_000_000, "mode": "staged",
        "auto_publish": auto, "allow_shrink": True}


def rows(folder: Path) -> list:
    return query(folder / "warehouse.db", ROWS)


def check(folder: Path, old: list, new: list) -> tuple[bool, bool]:
    """The table is wholly old or wholly new, as the record of the destination says; answers that record."""
    file = folder / "warehouse.db"
    assert query(file, "PRAGMA integrity_check") == [("ok",)]
    found = query(file, "SELECT 1 FROM sqlite_schema WHERE name = '_strandline_backfills'")
    records = query(file, "SELECT published_at, rolled_back_at FROM _strandline_backfills") if found else []
    assert len(records) <= 1, records
    published, undone = ((record is not None) for record in (records[0] if records else (None, None)))
    held = rows(folder)
    assert held == (new if published and not undone else old), (published, undone, len(held))
    return published, undone


def state_of(server: Server, path: str, *wanted: str) -> dict | None:
    """Waits until a backfill is in one of these states; None when the server died."""
    def look() -> dict | None:
        backfill = server.call("GET", path)
        if backfill is None or backfill["state"] in wanted:
            return backfill
        assert backfill["state"] in ("queued", "running", "awaiting_publish"), backfill
        return None

    return server.until(look)


def stage(server: Server, auto: bool, interval: int) -> str | None:
    """Asks for a backfill and waits until it has staged all, and published that with `auto`; its path."""
    backfill = server.call("POST", "/v1/backfills", request(auto, interval))
    if backfill is None:
        return None
    path = f"/v1/backfills/{backfill['id']}"
    return path if state_of(server, path, "success" if auto else "awaiting_publish") else None


def discarded(server: Server, folder: Path) -> bool:
    """Waits until nothing staged is left; False when the server died before."""
    limit = time.monotonic() + 60
    while query(folder / "warehouse.db", HIDDEN):
        if not server.is_alive:
            return False
        assert time.monotonic() < limit, "what was staged is left"
        # It is thrown away some time after the cancel, and no event tells of it.
        time.sleep(0.01)
    return True


def play(server: Server, folder: Path, auto: bool, ending: str) -> bool:
    """Stages, then publishes and puts back, or cancels; False when the server died on the way."""
    path = stage(server, auto, 500_000)
    if path is None:
        return False
    if ending == "cancel":
        return server.call("POST", path + "/cancel") is not None and discarded(server, folder)
    if not auto and server.call("POST", path + "/publish") is None:
        return False
    return server.call("POST", path + "/rollback") is not None


def finish(server: Server, folder: Path, old: list, new: list, ending: str, found: tuple[bool, bool]) -> None:
    """What a person does after the restart, and what has to come of it; `found` is what the destination recorded."""
    published, undone = found
    backfills = server.call("GET", "/v1/backfills")["backfills"]
    if not backfills:
        assert stage(server, False, 500_000)
        backfills = server.call("GET", "/v1/backfills")["backfills"]
    path = f"/v1/backfills/{backfills[0]['id']}"
    auto = backfills[0]["auto_publish"]
    backfill = state_of(server, path, "success", "cancelled", "rolled_back", *(() if auto else ("awaiting_publish",)))
    if backfill["state"] == "cancelled":
        # Nobody asks for it.
        assert ending == "cancel" and discarded(server, folder)
        assert rows(folder) == old
        assert stage(server, False, 500_000)
        return
    if backfill["state"] == "awaiting_publish":
        assert not published, "the destination has published it"
        assert server.call("POST", path + "/publish")["backfill"]["state"] == "success"
    if backfill["state"] != "rolled_back" and not undone:
        assert rows(folder) == new
        backfill = server.call("GET", path)
        recorded = query(
            folder / "warehouse.db", "SELECT rows_inserted, rows_updated, rows_deleted FROM _strandline_backfills")
        assert [tuple(backfill[f"rows_{kind}"] for kind in ("inserted", "updated", "deleted"))] == recorded
    assert server.call("POST", path + "/rollback")["backfill"]["state"] == "rolled_back"
    assert rows(folder) == old
    assert query(folder / "warehouse.db", HIDDEN) == []


@pytest.mark.parametrize(("auto", "ending"), [(True, "rollback"), (False, "rollback"), (False, "cancel")])
def test_staging_publishing_and_rollback_are_all_or_nothing_at_any_write(auto, ending, fault, tmp_path):  # noqa: F811
    """PAINS 44 and 45: killed at writes, cuts, syncs and removals of the destination's files, from the first partition
    to the rollback."""
    template = loaded(tmp_path / "template", rows=60)
    old = rows(template)
    new = query(template / "source.db", ROWS)
    count = tmp_path / "count"

    def attempt(at: int, harm: str) -> tuple[bool, Path]:
        folder = tmp_path / "world"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        server = Server(folder, environment={
            "LD_PRELOAD": str(fault), "STRANDLINE_FAULT_FILE": "warehouse.db", "STRANDLINE_FAULT_MODE": harm,
            "STRANDLINE_FAULT_AT": str(at), "STRANDLINE_FAULT_COUNT": str(count)})
        ended = play(server, folder, auto, ending)
        server.kill()
        return not ended, folder

    died, folder = attempt(0, "none")
    assert not died and rows(folder) == old
    points = count.stat().st_size
    assert points > 20, points
    # All points when asked for; else a spread of them that ends in time.
    step = 1 if os.environ.get("STRANDLINE_ALL_POINTS") else max(1, points // 12)
    deaths = 0
    for harm in ("kill", "torn"):
        for at in range(1 if harm == "kill" else 1 + step // 2, points + 1, step):
            died, folder = attempt(at, harm)
            deaths += died
            found = check(folder, old, new)
            server = Server(folder)
            try:
                finish(server, folder, old, new, ending, found)
            except AssertionError as error:
                raise AssertionError(f"{harm} at {at} of {points}") from error
            server.stop()
    assert deaths > 10, deaths


def test_a_staged_backfill_that_is_killed_again_and_again_is_published_once(tmp_path):
    """PAINS 39, 44 and 45: kill -9 while many partitions are staged and while they are published, when chance says."""
    seed = int(os.environ.get("STRANDLINE_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    chance = random.Random(seed)
    folder = loaded(tmp_path / "world", rows=20_000)
    old = rows(folder)
    new = query(folder / "source.db", ROWS)
    server = Server(folder)
    backfill = server.call("POST", "/v1/backfills", {**request(False, 500), "end": 20_001, "parallelism": 2})
    path = f"/v1/backfills/{backfill['id']}"
    killed = 0
    while (backfill := server.call("GET", path))["state"] != "awaiting_publish":
        if backfill["partitions"]["success"] < (killed + 1) * 8:
            continue
        server.kill()
        killed += 1
        check(folder, old, new)
        server = Server(folder)
    assert killed >= 3
    assert backfill["partitions"]["success"] == 41
    new = [row for row in new if row[1] <= 20_000]
    publishing = 0
    while (backfill := server.call("GET", path))["state"] != "success":
        assert backfill["state"] == "awaiting_publish", backfill
        asked = threading.Thread(target=server.call, args=("POST", path + "/publish"))
        asked.start()
        for _ in range(chance.randrange(40 + 20 * publishing)):
            server.call("GET", "/healthz")
        server.kill()
        publishing += 1
        asked.join()
        check(folder, old, new)
        server = Server(folder)
    print("killed while publishing:", publishing)
    assert rows(folder) == new
    recorded = query(
        folder / "warehouse.db", "SELECT rows_inserted, rows_updated, rows_deleted FROM _strandline_backfills")
    assert [tuple(backfill[f"rows_{kind}"] for kind in ("inserted", "updated", "deleted"))] == recorded
    assert server.call("POST", path + "/rollback")["backfill"]["state"] == "rolled_back"
    assert rows(folder) == old
    server.stop()
