"""Pages whose commands are typed in order, and must answer what the page prints.

A fenced block of `sh` is run in one shell; the fenced block that follows it, if any, is its answer. In an answer a line
`…` stands for any lines, and identifiers, times of now and durations are not compared. `<!-- skip: why -->` before a block
leaves it out; `<!-- fresh -->` begins in a fresh folder.
"""

import os
import re
import subprocess
import threading

import pytest

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


def port_when_ready(log, seconds=60):
    """The port that the server which writes this log, maybe one that is not there yet, says it is ready at."""
    reader = subprocess.Popen(
        ["tail", "--lines=+1", "--follow=name", "--retry", log], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    guardian = threading.Timer(seconds, reader.kill)
    guardian.start()
    try:
        for line in reader.stdout:
            if found := re.search(r"ready at http://\S+:(\d+)\n", line):
                return found[1]
        pytest.fail(f"the server of {log} was not ready within {seconds} seconds")
    finally:
        guardian.cancel()
        reader.kill()
        reader.wait()
        reader.stdout.close()


def type_page(page, binary, folder, when_ready=lambda port: None):
    """Types the commands of a page in a folder, and answers how many there were.

    A server that the page starts listens on any free port, which takes the place of the page's own; `when_ready` is told."""
    port = PORT
    shell = Shell(folder, binary.parent)
    ran = 0
    try:
        for note, text, answer in blocks(page):
            if note.startswith("skip"):
                continue
            printed, status = shell.run(text.replace(PORT, port))
            assert status == 0, f"{text}\nended with {status}:\n{printed}"
            if started := re.search(r"strandline serve .*> (\S+)", text):
                port = port_when_ready(folder / started[1])
                when_ready(port)
                shell.run(f"export STRANDLINE_SERVER=http://127.0.0.1:{port}")
            if answer is not None:
                got = masked(printed.replace(port, PORT))
                assert agrees(got, masked(answer)), f"{text}\nprinted:\n{printed}\nand not:\n{answer}"
            ran += 1
    finally:
        shell.close()
    return ran
