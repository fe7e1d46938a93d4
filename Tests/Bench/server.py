"""A Strandline server for a measurement."""
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


class Server:
    """A Strandline server over `folder`, ready when the constructor returns."""

    def __init__(self, binary: Path, folder: Path, *flags: str):
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--state-dir", folder / "state", "--data-root", folder,
             "--log-level", "warn", *flags],
            stdout=subprocess.PIPE, text=True,
        )
        line = ""
        for line in self.process.stdout:
            if found := re.search(r"http://[\d.]+:\d+", line):
                self.url = found.group(0)
                break
        else:
            sys.exit(f"the server did not start: {line}")
        self.get("/readyz")
        self.ready_after = time.monotonic() - self.started

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path) as answer:
            return answer.read().decode()

    def put(self, path: str, document: dict) -> None:
        request = urllib.request.Request(self.url + path, json.dumps(document).encode(), method="PUT")
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request).read()

    def trigger(self, pipeline: str) -> dict:
        """Runs a pipeline to its end, from a curl process."""
        answer = subprocess.run(
            ["curl", "-sS", "-X", "POST", "-H", "Prefer: wait=60", f"{self.url}/v1/pipelines/{pipeline}/runs"],
            check=True, capture_output=True, text=True,
        ).stdout
        run = json.loads(answer)
        if run.get("state") != "success":
            sys.exit(f"the run did not succeed: {answer}")
        return run["steps"][0]

    def resident_megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024

    def peak_megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024

    def processor_seconds(self) -> float:
        """What its threads have used so far, as the kernel's scheduler counts it, in nanoseconds."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def post(self, path: str) -> None:
        request = urllib.request.Request(self.url + path, method="POST")
        urllib.request.urlopen(request).read()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=30) != 0:
            sys.exit(f"the server ended with {self.process.returncode}")
