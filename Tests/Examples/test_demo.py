"""`make run`: the demo's script, its documents, and its end by Ctrl-C."""

import contextlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import urllib.request

import pytest

from conftest import TOP


@pytest.fixture
def demo(binary, tmp_path):
    """The demo at work, with the lines that it printed."""
    process = subprocess.Popen(
        [TOP / "examples" / "demo" / "run", binary, tmp_path / "demo", "0"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        # Whoever runs the tests in the background ignores SIGINT, which a child would go on doing.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Ctrl-C"):
            break
    text = "\n".join(lines)
    found = re.search(r"^Strandline runs at (http://\S+)/ ", text, re.M)
    assert found, text
    yield process, found[1], lines, tmp_path / "demo"
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def test_the_printed_commands_work_and_ctrl_c_ends_all(demo):
    process, url, lines, folder = demo
    commands = [line.strip() for line in lines if line.strip().startswith("curl ")]
    assert len(commands) == 3
    answers = [
        json.loads(subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=120).stdout)
        for command in commands
    ]
    run, watermarks, plan = answers
    assert run["state"] == "success", run
    # A tick may have come first, and have loaded all that there was.
    inserted = run["steps"][0]["rows_inserted"]
    assert inserted >= 300_000 or run["steps"][0]["watermark_before"], run
    earned = [query(folder, f"SELECT {what} FROM daily_revenue") for what in ("count(*)", "sum(orders)")]
    assert earned[0] > 700 and earned[1] > 280_000
    assert {mark["step"] for mark in watermarks["watermarks"]} == {"orders", "order_items"}
    assert [step["name"] for step in plan["steps"]] == ["orders", "order_items", "daily_revenue"]

    # The shop goes on selling, so that another run finds something; each takes its time.
    for _ in range(300):
        request = urllib.request.Request(f"{url}/v1/pipelines/orders/runs", method="POST", headers={"Prefer": "wait=60"})
        with urllib.request.urlopen(request, timeout=90) as answer:
            again = json.load(answer)
        assert again["state"] == "success", again
        if again["steps"][0]["rows_inserted"] > 0:
            break
    else:
        pytest.fail("no new order came")
    with urllib.request.urlopen(f"{url}/v1/pipelines/orders") as answer:
        assert len(json.load(answer)["schedule_status"]["next_ticks"]) == 5

    # What Ctrl-C does: the terminal signals the whole group.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert programs_in(folder) == []
    # It was let finish, and not told twice.
    log = (folder / "server.log").read_text()
    assert "stopped\n" in log and "second signal" not in log


def query(folder, sql):
    """The one value of a query on the warehouse."""
    with contextlib.closing(sqlite3.connect(folder / "warehouse.db", timeout=30)) as warehouse:
        return warehouse.execute(sql).fetchone()[0]


def programs_in(folder):
    """The processes that work in a folder."""
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if place.resolve() == folder.resolve():
                found.append((place.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            pass
    return found


def test_every_pipeline_of_the_demo_succeeds(demo):
    _, url, _, _ = demo
    with urllib.request.urlopen(f"{url}/v1/pipelines") as answer:
        names = [pipeline["name"] for pipeline in json.load(answer)["pipelines"]]
    assert names == ["customers", "orders", "products"]
    for name in names:
        request = urllib.request.Request(f"{url}/v1/pipelines/{name}/runs", method="POST", headers={"Prefer": "wait=60"})
        with urllib.request.urlopen(request, timeout=90) as answer:
            assert json.load(answer)["state"] == "success"
