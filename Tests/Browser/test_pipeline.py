"""The page of one pipeline, in a real browser over a real server."""

import sqlite3

import pytest
from playwright.sync_api import expect

from browsing import (  # noqa: F401
    HOSTILE, browser, connect, make_shop, open_page, plain, settled, shop, shots, tab_to)

GRAPH = [
    {
        "name": "orders", "source": {"connection": "shop", "table": "orders"},
        "destination": {"connection": "warehouse", "table": "orders"}, "strategy": "timestamp",
        "cursor": "updated_at", "primary_key": ["id"],
    },
    {
        "name": "daily", "kind": "sql", "depends_on": ["orders"], "destination": {"connection": "warehouse"},
        "sql": "CREATE TABLE IF NOT EXISTS daily (n INTEGER); DELETE FROM daily; INSERT INTO daily SELECT count(*) FROM orders",
    },
    {
        "name": "report", "kind": "sql", "depends_on": ["daily", "orders"], "destination": {"connection": "warehouse"},
        "sql": "CREATE TABLE IF NOT EXISTS report (n INTEGER)",
    },
]


def section(page, title):
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


def unfold(page):
    """Opens what is only read when it is opened."""
    for fold in page.locator("summary").all():
        fold.click()


def test_a_run_is_followed_from_the_click_to_its_end(shop, open_page):
    shop.put("/v1/pipelines/orders", {"steps": GRAPH})
    page = open_page(shop.url, "/pipelines/orders")
    settled(page)
    page.evaluate("window.notReloaded = true")
    expect(section(page, "Runs")).to_contain_text("No runs yet")
    graph = page.locator("svg.graph")
    expect(graph).to_have_attribute("aria-label", plain("report (not run yet, after daily and orders)"))
    expect(graph.locator(".node")).to_have_count(3)
    # One of the three lines passes by the step between, in a lane of its own: three pieces.
    expect(graph.locator(".edge")).to_have_count(5)

    page.get_by_role("button", name="Run orders now").click()
    expect(page.locator("#announcer")).to_have_text("orders: success")
    expect(section(page, "Runs").get_by_role("row")).to_have_count(2)
    expect(graph).to_have_attribute("aria-label", plain("report (success, after daily and orders)"))
    expect(section(page, "Watermarks").locator("code").first).to_have_text("2024-03-01T10:00:03Z")
    expect(section(page, "Watermark against the clock").locator(".mark-line")).to_have_count(1)
    expect(section(page, "Rows by run").locator(".bar.inserted")).to_have_count(1)
    assert page.evaluate("window.notReloaded")


def test_what_depends_on_what_shows_from_left_to_right(shop, open_page):
    shop.put("/v1/pipelines/orders", {"steps": GRAPH})
    page = open_page(shop.url, "/pipelines/orders")
    settled(page)
    places = {
        node.locator(".node-name").text_content(): node.bounding_box()["x"] for node in page.locator(".node").all()}
    assert places["orders"] < places["daily"] < places["report"]


def test_a_watermark_is_set_back_by_keyboard_after_a_preview(shop, open_page):
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders")
    settled(page)
    opener = page.get_by_role("button", name="Set the watermark of orders")
    tab_to(page, opener, most=80)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Set the watermark of orders")
    expect(dialog.get_by_label("New watermark")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("2024-02-01T00:00:00Z")
    page.keyboard.press("Tab")
    page.keyboard.type(HOSTILE)
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("The next run would read 3 rows.")
    # Nothing has changed yet.
    assert shop.ask("/v1/pipelines/orders/watermarks/orders").json["value"] == "2024-03-01T10:00:03Z"
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    expect(section(page, "Watermarks").locator("code").first).to_have_text("2024-02-01T00:00:00Z")
    section(page, "Watermarks").get_by_text("History").click()
    expect(section(page, "Watermarks")).to_contain_text("<script>window.owned=1</script>")
    assert shop.run("orders")["steps"][0]["rows_read"] == 3


def test_another_value_needs_another_preview(shop, open_page):
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders")
    page.get_by_role("button", name="Set the watermark of orders").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("New watermark").fill("2030-01-01T00:00:00Z")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("button", name="Set the watermark")).to_be_visible()
    dialog.get_by_label("New watermark").fill("2024-03-01T10:00:01Z")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("button", name="Set the watermark")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert shop.ask("/v1/pipelines/orders/watermarks/orders").json["version"] == 1


def test_a_watermark_that_moved_after_the_preview_is_not_set(shop, open_page):
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders", complaints=["412"])
    page.get_by_role("button", name="Set the watermark of orders").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("New watermark").fill("2024-02-01T00:00:00Z")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("button", name="Set the watermark")).to_be_visible()
    shop.put("/v1/pipelines/orders/watermarks/orders", {"value": "2024-02-15T00:00:00Z", "reason": "somebody else"})
    dialog.get_by_role("button", name="Set the watermark").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    assert shop.ask("/v1/pipelines/orders/watermarks/orders").json["value"] == "2024-02-15T00:00:00Z"


def test_a_value_that_is_refused_is_told_in_the_dialog(shop, open_page):
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders", complaints=["422", "400"])
    page.get_by_role("button", name="Set the watermark of orders").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("New watermark").fill(HOSTILE)
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("alert")).to_contain_text("<script>")
    expect(dialog).to_be_visible()


def test_a_full_refresh_asks_first(shop, open_page):
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders")
    page.get_by_role("button", name="Run with options…").click()
    dialog = page.get_by_role("dialog", name="Run orders")
    dialog.get_by_label("Full refresh").check()
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(dialog).to_contain_text("This rebuilds every destination table")
    assert len(shop.ask("/v1/runs").json["runs"]) == 1
    dialog.get_by_role("button", name="Rebuild the tables").click()
    expect(dialog).to_have_count(0)
    expect(section(page, "Runs")).to_contain_text("full refresh")
    assert shop.ask("/v1/runs").json["runs"][0]["options"]["full_refresh"] is True


def test_one_step_runs_alone(shop, open_page):
    shop.put("/v1/pipelines/orders", {"steps": GRAPH})
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders")
    page.get_by_role("button", name="Run with options…").click()
    dialog = page.get_by_role("dialog", name="Run orders")
    dialog.get_by_label("Steps").select_option("From daily")
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(section(page, "Runs")).to_contain_text("2 steps")
    assert shop.ask("/v1/runs").json["runs"][0]["options"]["steps"] == ["daily", "report"]


def test_data_before_it_that_is_too_old_is_shown_and_can_be_overridden(shop, open_page):
    # PAINS 53
    shop.run("orders")
    step = {**GRAPH[0], "destination": {"connection": "warehouse", "table": "copies"}}
    shop.put("/v1/pipelines/report", {"after": ["orders"], "max_upstream_age": "1h", "steps": [step]})
    assert shop.run("report")["error"]["code"] == "upstream_stale"
    page = open_page(shop.url, "/pipelines/report")
    expect(page.locator(".facts")).to_contain_text("Data of orders")
    expect(page.locator(".facts")).to_contain_text("too old")
    expect(page.locator(".standing .trouble")).to_contain_text("orders")
    page.get_by_role("button", name="Run with options…").click()
    page.get_by_role("dialog").get_by_label("Allow stale upstreams").check()
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    expect(section(page, "Runs").get_by_role("row", name="Success")).to_have_count(1)


def test_from_it_a_backfill_is_begun(shop, open_page):
    page = open_page(shop.url, "/pipelines/orders")
    page.get_by_role("link", name="Backfill…").click()
    page.wait_for_url("**/#/backfills/new?pipeline=orders")
    expect(page.get_by_label("Pipeline", exact=True)).to_have_value("orders")


def test_a_schedule_is_paused_and_resumed(shop, open_page):
    shop.put("/v1/pipelines/orders", {"steps": GRAPH, "schedule": {"every": "1h"}})
    page = open_page(shop.url, "/pipelines/orders")
    page.get_by_role("button", name="Pause schedule…").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause the schedule").click()
    expect(page.locator(".standing")).to_contain_text("paused")
    assert shop.ask("/v1/pipelines/orders").json["schedule_status"]["paused"] is True
    page.get_by_role("button", name="Resume schedule…").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume the schedule").click()
    expect(page.get_by_role("button", name="Pause schedule…")).to_be_visible()
    assert shop.ask("/v1/pipelines/orders").json["schedule_status"]["paused"] is False


def test_an_audit_finds_mends_and_puts_back(shop, open_page):
    shop.put("/v1/pipelines/orders", {"steps": GRAPH})
    shop.run("orders")
    with sqlite3.connect(shop.folder / "warehouse.db") as warehouse:
        warehouse.execute("UPDATE orders SET total = 99 WHERE id = 2")
    page = open_page(shop.url, "/pipelines/orders")
    audits = section(page, "Audits")
    audits.get_by_role("button", name="Audit…").click()
    page.get_by_role("dialog").get_by_role("button", name="Start the audit").click()
    expect(audits).to_contain_text("1 different of 3 rows")
    audits.get_by_text("What differs").click()
    expect(audits.get_by_role("row", name="id = 2")).to_contain_text("total")

    audits.get_by_role("button", name="Audit…").click()
    page.get_by_role("dialog").get_by_label("Mend what differs").check()
    page.get_by_role("dialog").get_by_role("button", name="Start the audit").click()
    expect(audits).to_contain_text("3 rows, all the same after mending")
    value = "SELECT total FROM orders WHERE id = 2"
    with sqlite3.connect(shop.folder / "warehouse.db") as warehouse:
        assert warehouse.execute(value).fetchone() == (1.5,)

    audits.get_by_role("button", name="Put back…").click()
    dialog = page.get_by_role("dialog")
    # What cannot be undone begins on the way out.
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Put back").click()
    expect(audits).to_contain_text("put back")
    with sqlite3.connect(shop.folder / "warehouse.db") as warehouse:
        assert warehouse.execute(value).fetchone() == (99,)


def test_the_plan_and_the_document_are_told_when_asked_for(shop, open_page):
    page = open_page(shop.url, "/pipelines/orders")
    page.get_by_text("Plan of the next run").click()
    expect(page.locator(".plan")).to_contain_text("3 rows to read")
    expect(page.locator(".plan")).to_contain_text("INSERT")
    page.locator("summary", has_text="Document").click()
    expect(page.get_by_label("Document", exact=True)).to_contain_text('"cursor": "updated_at"')
    expect(page.get_by_label("Document", exact=True)).not_to_contain_text("last_run")


def test_how_its_freshness_changes_is_told_as_it_changes(shop, open_page):
    # PAINS 54
    shop.put("/v1/pipelines/orders", {
        "steps": GRAPH[:1], "freshness": {"warn_after": "2s", "error_after": "4s", "basis": "last_success"}})
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders")
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("Stale", timeout=12_000)
    expect(verdict).to_contain_text("since ")
    expect(verdict.get_by_role("meter")).to_have_attribute("aria-valuetext", plain(" since the last success, warns at 2 s, stale at 4 s"))
    page.get_by_text("History of freshness").click()
    history = page.get_by_role("group", name="History of freshness")
    expect(history.get_by_role("row").nth(1)).to_contain_text("Stale")
    page.get_by_role("button", name="Run orders now").click()
    expect(verdict).to_contain_text("Fresh")
    expect(history.get_by_role("row").filter(has_text="Fresh").first).to_be_visible()


def test_a_deadline_says_by_when_newer_data_is_due(shop, open_page):
    shop.put("/v1/pipelines/orders", {
        "steps": GRAPH[:1], "freshness": {"deadline": {"cron": "0 0 1 1 *", "lower_bound": "8h"}, "basis": "last_success"}})
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders")
    expect(page.locator(".verdict")).to_contain_text("newer data due by 1 Jan")
    expect(page.locator(".verdict").get_by_role("meter")).to_have_count(0)
    page.get_by_role("link", name="Overview").first.click()
    expect(page.get_by_role("article", name="orders").locator(".limits")).to_contain_text("due by 1 Jan")


def test_hostile_texts_stay_texts_in_every_part_of_the_page(serve, open_page):
    server = serve()
    make_shop(server.folder)
    connect(server)
    with sqlite3.connect(server.folder / "shop.db") as database:
        database.execute('CREATE TABLE evil (k TEXT PRIMARY KEY, "<b>" TEXT, updated_at TEXT NOT NULL)')
        database.execute("INSERT INTO evil VALUES (?, 'x', '2024-03-01T10:00:00Z')", [HOSTILE])
    step = {
        "name": "evil", "source": {"connection": "shop", "table": "evil"},
        "destination": {"connection": "warehouse", "table": HOSTILE}, "strategy": "timestamp",
        "cursor": "updated_at", "primary_key": ["k"],
        "checks": [{"type": "accepted_values", "column": "k", "values": ["good"], "severity": "warn"}],
    }
    server.put("/v1/pipelines/evil", {"description": HOSTILE, "steps": [step]})
    assert server.run("evil")["state"] == "success"
    table = HOSTILE.replace('"', '""')
    with sqlite3.connect(server.folder / "warehouse.db") as warehouse:
        warehouse.execute(f'UPDATE "{table}" SET "<b>" = ?', [HOSTILE])
    assert server.ask("/v1/pipelines/evil/audits", "POST", Prefer="wait=30").json["different"] == 1

    page = open_page(server.url, "/pipelines/evil")
    settled(page)
    unfold(page)
    expect(page.locator(".plan")).to_contain_text("<script>window.owned=1</script>")
    expect(section(page, "Audits")).to_contain_text("k = <img src=x")
    expect(page.get_by_label("Document", exact=True)).to_contain_text("<script>")
    assert page.locator("main img, main script, main b").count() == 0


def test_a_pipeline_that_is_removed_while_it_is_looked_at_says_so(shop, open_page):
    page = open_page(shop.url, "/pipelines/orders", complaints=["404"])
    settled(page)
    assert shop.ask("/v1/pipelines/orders", "DELETE").status == 204
    page.get_by_role("button", name="Run orders now").click()
    expect(page.get_by_role("alert")).to_contain_text("orders")


@pytest.fixture
def busy(serve):
    """A pipeline with a history worth looking at."""
    server = serve()
    make_shop(server.folder)
    connect(server)
    server.put("/v1/pipelines/orders", {
        "description": "Orders of the shop, and what is made of them", "schedule": {"every": "1h"}, "steps": GRAPH,
        "freshness": {"warn_after": "1h", "error_after": "4h"}})
    for number in range(12):
        with sqlite3.connect(server.folder / "shop.db") as database:
            database.execute("UPDATE orders SET total = total + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE id % 2 = ?", [number % 2])
            database.executemany(
                "INSERT INTO orders (total, updated_at) VALUES (1, strftime('%Y-%m-%dT%H:%M:%fZ'))", [()] * (number * 7 % 11))
        if number == 8:
            (server.folder / "shop.db").rename(server.folder / "away.db")
        server.run("orders")
        if number == 8:
            (server.folder / "away.db").rename(server.folder / "shop.db")
    with sqlite3.connect(server.folder / "warehouse.db") as warehouse:
        warehouse.execute("UPDATE orders SET total = 99 WHERE id = 2")
    server.ask("/v1/pipelines/orders/audits", "POST", Prefer="wait=30")
    return server


def test_it_looks_right_by_day_and_by_night_at_a_desk_and_on_a_phone(busy, open_page):
    def ready(page):
        expect(section(page, "Rows by run").locator(".bar-way")).to_have_count(12)
        expect(section(page, "Watermark against the clock").locator(".mark-line")).to_have_count(1)

    def unfolded(page):
        ready(page)
        unfold(page)
        expect(page.locator(".plan")).to_contain_text("rows to read")

    def asked(page):
        ready(page)
        page.get_by_role("button", name="Set the watermark of orders").click()
        page.get_by_label("New watermark").fill("2024-03-01T10:00:01Z")
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("dialog")).to_contain_text("would read")

    shots(open_page, busy.url, "/pipelines/orders", "pipeline", ready)
    shots(open_page, busy.url, "/pipelines/orders", "pipeline-unfolded", unfolded)
    shots(open_page, busy.url, "/pipelines/orders", "pipeline-dialog", asked)
