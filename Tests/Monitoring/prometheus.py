"""A real Prometheus over one Strandline server, with the rules of the examples."""

import json
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

from conftest import TOP

EXAMPLES = TOP / "examples" / "monitoring"


def free_port():
    """A port that nobody listens on just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def promtool(*words, text=None):
    """What promtool says of files or of a text, and how it ended."""
    done = subprocess.run(["promtool", *map(str, words)], input=text, capture_output=True)
    return done.returncode, (done.stdout + done.stderr).decode()


class Prometheus:
    """Scrapes a server five times a second; it takes requests when it is made."""

    def __init__(self, folder: pathlib.Path, target: str):
        folder.mkdir(parents=True)
        (folder / "prometheus.yml").write_text(
            "global: { scrape_interval: 200ms, evaluation_interval: 200ms }\n"
            f"rule_files: ['{EXAMPLES}/strandline.rules.yml']\n"
            "scrape_configs:\n"
            "  - job_name: strandline\n"
            f"    static_configs: [{{ targets: ['{target}'] }}]\n")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=info"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        log = []
        for line in self.process.stderr:
            log.append(line)
            if "Server is ready to receive web requests" in line:
                break
        else:
            pytest.fail("Prometheus ended:\n" + "".join(log))
        # What it goes on to say must not fill the pipe.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def ask(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        """The values of an expression now, by their labels."""
        found = self.ask("query", query=expression)["result"]
        return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in found}

    def firing(self):
        """The alerts that fire: their names with the pipeline."""
        alerts = self.ask("alerts")["alerts"]
        return {
            (alert["labels"]["alertname"], alert["labels"].get("pipeline")) for alert in alerts
            if alert["state"] == "firing"
        }

    def until(self, what, seconds=60):
        """Asks until `what` holds of this Prometheus, which tells nobody by itself; answers what that gave."""
        end = time.monotonic() + seconds
        while not (found := what(self)):
            if time.monotonic() > end:
                pytest.fail(f"Prometheus did not see it within {seconds} seconds; it fires {self.firing()}")
            time.sleep(0.1)
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def samples(text):
    """The samples of a page of metrics: their values by name and labels, as they are written."""
    return dict(re.fullmatch(r"(\S+) (\S+)", line).groups() for line in text.splitlines() if not line.startswith("#"))
