"""Every command of README.md, typed in order, answers what the README prints.

A fenced block of `sh` is run in one shell; the fenced block that follows it, if any, is its answer. In an answer a line
`…` stands for any lines, and identifiers, times of now and durations are not compared. `<!-- skip: why -->` before a block
leaves it out; `<!-- fresh -->` begins in a fresh folder.
"""

import os
import pathlib
import re
import subprocess
import time

import pytest

from conftest import TOP

PORT = "8080"
FENCE = re.compile(r"(?:<!-- (?P<note>[^>]*) -->\n+)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
MASKS = [
    (re.compile(r'"(id|run|request_id|created_at|updated_at|started_at|finished_at)": "[^"]*"'), r'"\1": "*"'),
    (re.compile(r'"duration_seconds": [0-9.e-]+'), '"duration_seconds": *'),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "*"),
    (re.compile(r"\b[0-9A-Za-z]{26}\b"), "*"),
    (re.compile(r"\b[0-9.]+ ?m?s\b"), "*"),
]


class Shell:
    """A bash that is fed block after block and keeps its folder, variables and jobs."""

    def __init__(self, folder, path):
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={
                **os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
                "STRANDLINE_LISTEN": "127.0.0.1:0",
            })

    def run(self, text):
        """Runs a block, and answers what it printed and how its last command ended."""
        self.process.stdin.write(f"{text}\nprintf '\\n__ended %s\\n' $?\n")
        self.process.stdin.flush()
        printed = []
        for line in self.process.stdout:
            if found := re.match(r"__ended (\d+)$", line):
                return "".join(printed).removesuffix("\n"), int(found[1])
            printed.append(line)
        pytest.fail("the shell ended:\n" + "".join(printed))

    def close(self):
        self.run("kill $(jobs -p) 2>/dev/null; wait")
        self.process.stdin.close()
        self.process.wait(timeout=60)


def blocks(text):
    """The commands of a page in order: note, text, and the answer printed below or None."""
    found = list(FENCE.finditer(text))
    for place, match in enumerate(found):
        if match["kind"] != "sh":
            continue
        following = found[place + 1] if place + 1 < len(found) else None
        answer = None
        if following and following["kind"] in ("json", "text") and not text[match.end():following.start()].strip():
            answer = following["text"]
        yield match["note"] or "", match["text"], answer


def masked(text):
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def agrees(printed, expected):
    """Whether the lines that were printed are those expected, where `…` takes any number of lines."""
    if not expected:
        return not printed
    if expected[0].strip() == "…":
        return any(agrees(printed[skipped:], expected[1:]) for skipped in range(len(printed) + 1))
    return bool(printed) and printed[0] == expected[0] and agrees(printed[1:], expected[1:])


def port_when_ready(folder, seconds=60):
    """The port that the server, whose log lies somewhere in `folder`, says it is ready at."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for log in folder.rglob("server.log"):
            if found := re.search(r"ready at http://\S+:(\d+)\n", log.read_text()):
                return found[1]
        time.sleep(0.02)
    pytest.fail(f"no server of {folder} was ready within {seconds} seconds")


def test_the_readme_tells_the_truth(binary, tmp_path):
    (tmp_path / "public").symlink_to(TOP / "public")
    (tmp_path / "examples").symlink_to(TOP / "examples")
    port = PORT
    shell = Shell(tmp_path, binary.parent)
    ran = 0
    try:
        for note, text, answer in blocks((TOP / "README.md").read_text()):
            if note.startswith("skip"):
                continue
            printed, status = shell.run(text.replace(PORT, port))
            assert status == 0, f"{text}\nended with {status}:\n{printed}"
            if "strandline serve" in text:
                port = port_when_ready(tmp_path)
                shell.run(f"export STRANDLINE_SERVER=http://127.0.0.1:{port}")
            if answer is not None:
                got = masked(printed.replace(port, PORT))
                assert agrees(got, masked(answer)), f"{text}\nprinted:\n{printed}\nand not:\n{answer}"
            ran += 1
    finally:
        shell.close()
    assert ran >= 10


def test_answers_are_compared():
    assert agrees(["a", "b", "c"], ["a", "…", "c"])
    assert not agrees(["a", "b", "c"], ["a", "…", "d"])
    assert not agrees(["a", "b"], ["a"])
    assert masked('"id": "01JF", "rows": 3') == masked('"id": "01JG", "rows": 3')
    assert masked('"rows": 3') != masked('"rows": 4')


def test_blocks_are_found():
    page = "```sh\necho a\n```\n\n```text\na\n```\n<!-- skip: why -->\n```sh\necho b\n```\n"
    assert list(blocks(page)) == [("", "echo a\n", "a\n"), ("skip: why", "echo b\n", None)]
