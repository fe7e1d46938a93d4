"""What monitoring is told, and what it makes of it: real Prometheus, its tool, and the parsers of both formats."""

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from conftest import TOP
from pages import type_page
from prometheus import EXAMPLES, Prometheus, free_port, promtool, samples

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


def pipeline(**keys):
    step = {
        "name": "orders", "source": {"connection": "shop", "table": "orders"},
        "destination": {"connection": "warehouse", "table": "orders"}, "strategy": "timestamp",
        "cursor": "updated_at", "primary_key": ["id"],
        "partition_by": {"column": "updated_at", "interval": "day"},
    }
    return {"steps": [step], **keys}


@pytest.fixture
def shop(serve, tmp_path):
    """A server over a shop of three orders, with a pipeline that nobody has run."""
    server = serve()
    with sqlite3.connect(server.folder / "shop.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, updated_at TEXT)")
        database.executemany(
            "INSERT INTO orders VALUES (?, ?)", [(day, f"2024-03-0{day}T10:00:00Z") for day in (1, 2, 3)])
    database.close()
    for name in ("shop", "warehouse"):
        server.put(f"/v1/connections/{name}", {"type": "sqlite", "path": f"{name}.db"})
    server.put("/v1/pipelines/orders", pipeline())
    return server


@pytest.fixture
def watch(tmp_path):
    """Makes a Prometheus over a server, and ends it after the test."""
    made = []

    def make(server):
        made.append(Prometheus(tmp_path / f"prometheus-{len(made)}", server.url.removeprefix("http://")))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def scrape(server, accept=None):
    answer = server.ask("/metrics", **({"Accept": accept} if accept else {}))
    assert answer.status == 200
    return answer.headers["Content-Type"], answer.body.decode()


def use(server):
    """Has every metric told that a healthy server tells."""
    server.run("orders")
    server.put("/v1/pipelines/broken", pipeline(freshness={"warn_after": "1h", "error_after": "2h"}, steps=[
        {**pipeline()["steps"][0], "source": {"connection": "shop", "table": "nowhere"},
         "destination": {"connection": "warehouse", "table": "nowhere"}}]))
    server.ask("/v1/pipelines/broken/runs", "POST", Prefer="wait=60")
    server.ask("/v1/pipelines/orders/audits", "POST", Prefer="wait=60")
    backfill = server.ask(
        "/v1/backfills", "POST", {
            "pipeline": "orders", "start": "2024-03-01", "end": "2024-03-03", "mode": "staged",
            "auto_publish": False, "reprocess": "completed"}, Prefer="wait=60")
    assert backfill.status in (200, 202), backfill.body
    server.ask("/nowhere")


def test_the_examples_are_what_prometheus_takes():
    assert promtool("check", "config", EXAMPLES / "prometheus.yml")[0] == 0
    assert promtool("check", "rules", EXAMPLES / "strandline.rules.yml")[0] == 0
    status, said = promtool("test", "rules", EXAMPLES / "strandline.rules.test.yml")
    assert status == 0, said


def test_every_alert_has_a_case():
    named = set(re.findall(r"- alert: (\w+)", (EXAMPLES / "strandline.rules.yml").read_text()))
    cases = (EXAMPLES / "strandline.rules.test.yml").read_text()
    fired = set(re.findall(r"alertname: (\w+)\n +exp_alerts", cases))
    silent = set(re.findall(r"alertname: (\w+) }", cases))
    assert named == fired
    # That of one that stands still and of one that is not there is silent when the server is down.
    assert named == silent


def test_both_formats_are_what_their_parsers_take(shop):
    use(shop)
    kind, text = scrape(shop)
    assert kind == TEXT
    status, said = promtool("check", "metrics", text=text.encode())
    assert status == 0, said
    kind, open_text = scrape(shop, accept=OPENMETRICS)
    assert kind == OPENMETRICS and open_text.endswith("\n# EOF\n")
    old = {family.name: family for family in read_text(text)}
    new = {family.name: family for family in read_openmetrics(open_text)}
    # `info` is a kind of the newer format alone.
    assert {name.removesuffix("_info") for name in old} == set(new)
    # Nothing is told twice, and both tell of the same.
    for page in (text, open_text):
        lines = [line.rsplit(" ", 1)[0] for line in page.splitlines()]
        assert len(lines) == len(set(lines))
    assert set(samples(text)) ^ set(samples(open_text)) <= {
        name for page in (text, open_text) for name in samples(page) if 'route="/metrics"' in name}
    got = samples(text)
    assert got['strandline_watermark_timestamp_seconds{pipeline="orders",step="orders"}'] == "1709460000"
    assert got['strandline_verified_through_timestamp_seconds{pipeline="orders",step="orders"}'] == "1709460000"
    assert got['strandline_runs_total{pipeline="orders",state="success"}'] == "1"
    assert got['strandline_runs_total{pipeline="broken",state="failed"}'] == "1"
    assert got['strandline_rows_total{pipeline="orders",step="orders",change="inserted"}'] == "3"
    assert got['strandline_freshness_error_after_seconds{pipeline="broken",step="orders"}'] == "7200"
    assert got['strandline_backfill_partitions{pipeline="orders",step="orders",state="success"}'] == "2"
    # What never happened is absent.
    assert 'strandline_last_success_timestamp_seconds{pipeline="broken",step="orders"}' not in got
    assert got["strandline_run_duration_seconds_count"] == "2"


def test_prometheus_takes_the_newer_format(shop, watch):
    prometheus = watch(shop)
    prometheus.until(lambda one: one.query("up") and min(one.query("up").values()) == 1)
    kinds = prometheus.until(lambda one: one.ask("metadata"))
    assert kinds["strandline_build"][0]["type"] == "info"
    assert kinds["strandline_run_seconds"][0] == {
        "type": "counter", "unit": "seconds", "help": "How long those of the runs took that had begun, together."}


def test_an_alert_fires_when_a_pipeline_goes_stale_and_clears_when_it_is_loaded(shop, watch):
    shop.put("/v1/pipelines/orders", pipeline(
        freshness={"warn_after": "1s", "error_after": "2s", "basis": "last_success"}))
    shop.run("orders")
    prometheus = watch(shop)
    stale = ("StrandlineStale", "orders")
    prometheus.until(lambda one: stale in one.firing())
    # One more pipeline is watched without an edit.
    shop.put("/v1/pipelines/late", pipeline(freshness={"warn_after": "1s", "basis": "last_success"}))
    prometheus.until(lambda one: ("StrandlineLate", "late") in one.firing())
    assert stale in prometheus.firing()
    shop.put("/v1/pipelines/orders", pipeline(freshness={"error_after": "1h", "basis": "last_success"}))
    shop.run("orders")
    prometheus.until(lambda one: stale not in one.firing())
    # Who is down says nothing: its staleness is not known, and that it is down is.
    shop.stop()
    prometheus.until(lambda one: set(one.query("up").values()) == {0.0})
    assert prometheus.query("strandline_freshness_state") == {}


# PAINS 52
def test_a_scrape_asks_no_source(shop):
    shop.run("orders")
    before = samples(scrape(shop)[1])
    for name in ("shop.db", "warehouse.db"):
        (shop.folder / name).rename(shop.folder / f"{name}.away")
    after = samples(scrape(shop)[1])
    kept = [name for name in before if re.match(r"strandline_(watermark|last|freshness_state|rows|runs)", name)]
    assert len(kept) > 10 and all(after[name] == before[name] for name in kept)


@contextlib.contextmanager
def locked(database):
    """Another process holds every lock of a database's write-ahead log: nobody reads it, and nobody writes."""
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK, f"{database}-shm"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        yield
    finally:
        holder.communicate("", timeout=30)


LOCK = """
import fcntl, sys
shared = open(sys.argv[1], "r+b")
fcntl.lockf(shared, fcntl.LOCK_EX, 8, 120)
print("locked", flush=True)
sys.stdin.read()
"""


def test_metrics_and_freshness_answer_while_the_control_database_is_locked(shop):
    shop.run("orders")
    expected = {name: value for name, value in samples(scrape(shop)[1]).items() if "pipeline=" in name}
    database = shop.folder / "strandline-data" / "control.db"
    with locked(database):
        assert shop.ask("/v1/pipelines/orders").status == 503
        got = samples(scrape(shop)[1])
        assert {name: got[name] for name in expected} == expected
        answer = shop.ask("/v1/freshness/orders")
        assert answer.status == 200 and answer.json["watermark"] == "2024-03-03T10:00:00Z"
        assert shop.ask("/v1/freshness?fail_on=stale").status == 200
    assert shop.ask("/v1/pipelines/orders").status == 200


def test_no_client_makes_the_page_grow(shop):
    scrape(shop)
    before = len(samples(scrape(shop)[1]))
    for number in range(200):
        assert shop.ask(f"/v1/pipelines/nobody-{number}").status == 404
        assert shop.ask(f"/v1/nowhere/{number}").status == 404
        assert shop.ask(f"/file-{number}").status == 404
        assert shop.ask(f"/v1/runs/{number}", f"METHOD{number}").status in (400, 405, 501)
    got = samples(scrape(shop)[1])
    assert len(got) < before + 150
    assert got['strandline_http_requests_total{route="/v1/pipelines/{pipeline}",method="GET",code="404"}'] == "200"
    assert not [name for name in got if "nobody" in name or "METHOD" in name]


def test_counts_begin_anew_and_watermarks_do_not(shop):
    shop.run("orders")
    assert shop.stop() == 0
    shop.start()
    got = samples(scrape(shop)[1])
    assert got['strandline_runs_total{pipeline="orders",state="success"}'] == "0"
    assert got['strandline_watermark_timestamp_seconds{pipeline="orders",step="orders"}'] == "1709460000"
    assert float(got["process_start_time_seconds"]) > float(
        got['strandline_last_success_timestamp_seconds{pipeline="orders",step="orders"}'])


def test_the_dashboard_is_whole(shop, watch):
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == {"datasource", "pipeline"}
    use(shop)
    prometheus = watch(shop)
    prometheus.until(lambda one: one.query("count_over_time(strandline_jobs[1m]) > 10"))
    for target in (target for panel in panels for target in panel["targets"]):
        expression = target["expr"].replace("$pipeline", ".*").replace("$__rate_interval", "1m")
        assert "$" not in expression
        found = prometheus.query(expression)
        # What is late is not, here, and no backfill ended badly.
        assert found or "stale|warn" in expression, expression


def test_the_page_of_the_example_tells_the_truth(binary, tmp_path):
    shutil.copytree(EXAMPLES, tmp_path / "examples" / "monitoring")
    shop = tmp_path / "examples" / "monitoring" / "pipelines" / "shop.yaml"
    # The same, for a reader in a hurry.
    shop.write_text(shop.read_text().replace("10s", "2s").replace("20s", "4s"))

    def point_prometheus(port):
        file = tmp_path / "examples" / "monitoring" / "prometheus.yml"
        file.write_text(file.read_text().replace("15s", "1s").replace(":8080", f":{port}"))

    page = (EXAMPLES / "README.md").read_text().replace("9090", str(free_port()))
    assert type_page(page, binary, tmp_path, when_ready=point_prometheus) >= 6
