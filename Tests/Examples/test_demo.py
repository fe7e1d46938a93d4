"""`make run`: the demo's script, its documents, and its end by Ctrl-C."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
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
    assert run["steps"][0]["rows_inserted"] >= 300_000
    assert {mark["step"] for mark in watermarks["watermarks"]} == {"orders", "order_items"}
    assert [step["name"] for step in plan["steps"]] == ["orders", "order_items"]

    # The shop goes on selling, so another run finds something.
    deadline = time.monotonic() + 30
    while True:
        request = urllib.request.Request(f"{url}/v1/pipelines/orders/runs", method="POST", headers={"Prefer": "wait=60"})
        with urllib.request.urlopen(request, timeout=90) as answer:
            again = json.load(answer)
        assert again["state"] == "success", again
        if again["steps"][0]["rows_inserted"] > 0:
            break
        assert time.monotonic() < deadline, "no new order came"
        time.sleep(0.2)

    # What Ctrl-C does: the terminal signals the whole group.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert programs_in(folder) == []
    # It was let finish, and not told twice.
    log = (folder / "server.log").read_text()
    assert "stopped\n" in log and "second signal" not in log


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
    assert names == ["customers", "daily_revenue", "orders"]
    for name in names:
        request = urllib.request.Request(f"{url}/v1/pipelines/{name}/runs", method="POST", headers={"Prefer": "wait=60"})
        with urllib.request.urlopen(request, timeout=90) as answer:
            assert json.load(answer)["state"] == "success"
