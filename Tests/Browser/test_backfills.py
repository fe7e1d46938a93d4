"""The pages of backfills, in a real browser over a real server."""

import contextlib
import re
import sqlite3
import subprocess

import pytest
from playwright.sync_api import expect

from browsing import (  # noqa: F401
    HOSTILE, PHONE, audit, browser, connect, define, open_page, plain, settled, shots, tab_to)
from conftest import TOP
from test_runs import locked, log, standing

DAYS = 10


@pytest.fixture
def days(serve):
    """Ten days of three orders each, loaded, of which the destination has since lost some and holds others wrong."""
    server = serve()
    make_days(server)
    define(server)
    server.run("orders")
    spoil(server)
    return server


def make_days(server):
    with sqlite3.connect(server.folder / "shop.db") as shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL, updated_at TEXT NOT NULL)")
        shop.executemany("INSERT INTO orders VALUES (?, 1.5, ?)", [
            (day * 3 + n, f"2024-03-{day + 1:02}T1{n}:00:00Z") for day in range(DAYS) for n in range(1, 4)])


def spoil(server):
    with contextlib.closing(sqlite3.connect(server.folder / "warehouse.db")) as warehouse, warehouse:
        warehouse.execute("DELETE FROM orders WHERE id IN (1, 2)")
        warehouse.execute("UPDATE orders SET total = -9 WHERE id = 30")


def rows(server):
    with contextlib.closing(sqlite3.connect(server.folder / "warehouse.db")) as warehouse:
        return warehouse.execute("SELECT count(*), sum(total) FROM orders").fetchone()


WRONG, RIGHT = (28, 1.5 * 27 - 9), (30, 45.0)


def start(server, **more):
    body = {"pipeline": "orders", "start": "2024-03-01", "end": "2024-03-11", **more}
    answer = server.ask("/v1/backfills", "POST", body)
    assert answer.status == 202, answer.body
    return answer.json["id"]


def finished(server, **more):
    body = {"pipeline": "orders", "start": "2024-03-01", "end": "2024-03-11", **more}
    answer = server.ask("/v1/backfills", "POST", body, Prefer="wait=60")
    assert answer.status == 200, answer.body
    return answer.json


def fact(page, label):
    return standing(page).locator("dl.facts > div").filter(has=page.locator("dt", has_text=re.compile(f"^{label}$"))).locator("dd")


def preview(page):
    return page.locator(".preview-panel")


def cells(page, state=None):
    return page.locator(f'.cell[data-state="{state}"]' if state else ".cell")


def test_a_backfill_from_the_form_to_its_end(days, open_page):
    page = open_page(days.url, "/backfills")
    expect(page.get_by_role("heading", name="No backfills yet")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    page.get_by_role("link", name="Choose a range").click()
    page.get_by_label("Start", exact=True).fill("2024-03-01")
    page.get_by_label("End", exact=True).fill("2024-03-11")
    page.get_by_label("Reason").fill("totals were wrong")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="It would load 10 partitions")).to_be_focused()
    expect(preview(page)).to_contain_text("1 Mar 2024")
    expect(preview(page)).to_contain_text("Rows in the source30")
    expect(preview(page)).to_contain_text("Rows in the destination28")
    # Nothing is done before it is asked for.
    assert days.ask("/v1/backfills").json["backfills"] == [] and rows(days) == WRONG

    # What was shown is no longer what would be done.
    page.get_by_label("Reason").fill("totals were very wrong")
    expect(page.get_by_role("heading", name="The form has changed")).to_be_visible()
    expect(page.get_by_role("button", name="Start the backfill")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="It would load 10 partitions")).to_be_visible()
    page.get_by_role("button", name="Start the backfill").click()

    page.wait_for_url(re.compile(r"#/backfills/[0-9a-z]{26}$"))
    expect(standing(page)).to_contain_text("Success", timeout=20_000)
    expect(cells(page, "success")).to_have_count(DAYS)
    expect(fact(page, "Partitions")).to_have_text("10 of 10")
    expect(fact(page, "Inserted")).to_have_text("2")
    expect(page.locator("h1 + p")).to_contain_text("totals were very wrong")
    expect(log(page).last).to_contain_text("Ended: success, 10 partitions of 10")
    assert page.evaluate("window.notReloaded")
    assert rows(days) == RIGHT
    # Each partition says what it did.
    cells(page).first.click()
    whole = page.get_by_role("region", name="One partition")
    expect(whole).to_contain_text("Read 3 · Inserted 2 · Unchanged 1")
    expect(page.locator(".partitions tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Show all partitions").click()
    expect(page.locator(".partitions tbody tr")).to_have_count(DAYS)
    page.locator(".crumbs").get_by_role("link", name="Backfills").click()
    expect(page.get_by_role("row", name=re.compile("1 Mar 2024 up to 11 Mar 2024"))).to_contain_text("10 of 10")


def test_the_keyboard_alone_asks_for_a_backfill_and_reads_its_calendar(days, open_page):
    page = open_page(days.url, "/backfills/new?pipeline=orders&start=2024-03-01&end=2024-03-11")
    settled(page)
    mode = page.get_by_label("Straight into the table")
    tab_to(page, mode)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Beside the table")).to_be_checked()
    page.keyboard.press("ArrowLeft")
    look = page.get_by_role("button", name="Show what it would do")
    tab_to(page, look)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="It would load 10 partitions")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Start the backfill")).to_be_focused()
    page.keyboard.press("Enter")
    expect(standing(page)).to_contain_text("Success", timeout=20_000)
    expect(cells(page, "success")).to_have_count(DAYS)
    # The calendar is one stop; the arrows walk by days and by weeks.
    tab_to(page, cells(page).first)
    page.keyboard.press("ArrowRight")
    expect(cells(page).nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(cells(page).nth(8)).to_be_focused()
    page.keyboard.press("Home")
    expect(cells(page).first).to_be_focused()
    expect(cells(page).first).to_have_attribute("aria-label", "1 Mar 2024: success")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="One partition")).to_contain_text("Inserted 2")


def test_a_staged_backfill_is_compared_published_and_rolled_back(days, open_page):
    page = open_page(days.url, "/backfills/new?pipeline=orders&start=2024-03-01&end=2024-03-11")
    page.get_by_label("Beside the table").check()
    expect(page.get_by_label("Publish by itself")).to_be_visible()
    page.get_by_role("button", name="Show what it would do").click()
    page.get_by_role("button", name="Start the backfill").click()
    expect(standing(page)).to_contain_text("Awaits publishing", timeout=20_000)
    expect(standing(page)).to_contain_text("whose readers still see the old rows")
    expect(fact(page, "Staged")).to_have_text("30 rows")
    expect(fact(page, "Reconciled")).to_have_text("all partitions")
    # Source and stage side by side, by partition and by column.
    first = page.locator(".partitions tbody tr").first
    expect(first.locator("td")).to_have_text(["Success", "3", "3", "", "0", "0", re.compile("ms|s")])
    first.get_by_role("button", name="1 Mar 2024").click()
    expect(page.get_by_role("row", name=re.compile("Sum of total"))).to_contain_text("4.54.5same")
    assert rows(days) == WRONG

    page.get_by_role("button", name="Publish…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 rows inserted")
    expect(dialog).to_contain_text("1 row updated")
    assert rows(days) == WRONG
    dialog.get_by_role("button", name="Publish").click()
    expect(standing(page)).to_contain_text("Success")
    expect(fact(page, "Inserted")).to_have_text("2")
    assert rows(days) == RIGHT

    page.get_by_role("button", name="Roll back…").click()
    expect(dialog).to_contain_text("removes 2 rows that it inserted")
    expect(dialog).to_contain_text("puts 1 row back to what it was")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Roll back").click()
    expect(standing(page)).to_contain_text("Rolled back")
    assert rows(days) == WRONG


def test_what_does_not_reconcile_is_told_before_it_is_published(days, open_page):
    checked(days, on_fail="quarantine")
    made = finished(days, mode="staged")
    assert made["state"] == "awaiting_publish" and not made["reconciliation"]["reconciled"], made
    page = open_page(days.url, f"/backfills/{made['id']}")
    expect(fact(page, "Reconciled")).to_have_text("not 1 partition")
    off = cells(page, "unreconciled")
    expect(off).to_have_attribute("aria-label", "5 Mar 2024: success, not reconciled")
    off.click()
    whole = page.get_by_role("region", name="One partition")
    expect(whole).to_contain_text("Not reconciled with the source")
    expect(whole.get_by_role("row", name=re.compile("^Rows"))).to_contain_text("32differs")
    expect(whole).to_contain_text("1 key of the source not staged, such as id = 13")
    page.get_by_role("button", name="Not reconciled 1").click()
    expect(page.locator(".partitions tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Publish…").click()
    expect(page.get_by_role("dialog").locator(".caution")).to_contain_text("1 partition did not reconcile with the source: 30 rows there, 29 staged.")
    page.keyboard.press("Escape")
    assert rows(days) == WRONG


def test_it_is_paused_resumed_and_cancelled(days, open_page):
    with locked(days.folder / "warehouse.db"):
        page = open_page(days.url, f"/backfills/{start(days)}")
        expect(standing(page)).to_contain_text("Running")
        expect(cells(page, "running")).to_have_count(1)
        page.get_by_role("button", name="Pause").click()
        expect(standing(page)).to_contain_text("Paused")
        expect(standing(page)).to_contain_text("No partition starts until it is resumed.")
    # What was in hand comes to its end.
    expect(cells(page, "success")).to_have_count(1, timeout=20_000)
    expect(cells(page, "pending")).to_have_count(DAYS - 1)
    with locked(days.folder / "warehouse.db"):
        page.get_by_role("button", name="Resume").click()
        expect(cells(page, "running")).to_have_count(1)
        page.get_by_role("button", name="Cancel…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Not loaded any more: 9 partitions of 10.")
        expect(dialog.get_by_role("button", name="Let it go on")).to_be_focused()
        dialog.get_by_role("button", name="Cancel the backfill").click()
        expect(standing(page)).to_contain_text("Cancelled", timeout=20_000)
    expect(cells(page, "cancelled")).to_have_count(DAYS - 1, timeout=20_000)
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()


def checked(server, day=4, **more):
    """A pipeline one day of which does not pass its check."""
    document = server.ask("/v1/pipelines/orders").json["steps"][0]
    document["checks"] = [{"name": "not free", "type": "range", "column": "total", "min": 0, **more}]
    server.put("/v1/pipelines/orders", {"steps": [document]})
    with sqlite3.connect(server.folder / "shop.db") as shop:
        shop.execute("UPDATE orders SET total = -1 WHERE id = ?", [day * 3 + 1])


def test_a_failed_partition_tells_why_and_is_retried_alone(days, open_page):
    checked(days)
    made = finished(days)
    assert made["state"] == "failed"
    page = open_page(days.url, f"/backfills/{made['id']}")
    expect(cells(page, "failed")).to_have_count(1)
    expect(cells(page, "failed")).to_have_attribute("aria-label", "5 Mar 2024: failed")
    page.get_by_role("button", name="Failed 1").click()
    expect(page.locator(".partitions tbody tr")).to_have_count(1)
    page.locator(".partitions").get_by_role("button", name="5 Mar 2024").click()
    failed = days.ask(f"/v1/backfills/{made['id']}/partitions?state=failed").json["partitions"][0]
    whole = page.get_by_role("region", name="One partition")
    expect(whole).to_contain_text(plain(failed["error"]["message"]))
    expect(whole.locator(".remedy")).to_contain_text(plain(failed["error"]["hint"]))
    expect(log(page).filter(has_text="Partition 5 from 2024-03-05: failed")).to_have_count(1)

    with sqlite3.connect(days.folder / "shop.db") as shop:
        shop.execute("UPDATE orders SET total = 1.5 WHERE id = 13")
    page.get_by_role("button", name="Retry failed…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Loads 1 partition again")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(standing(page)).to_contain_text("Success", timeout=20_000)
    expect(cells(page, "success")).to_have_count(DAYS)
    assert rows(days) == RIGHT


def test_what_is_wrong_is_said_at_its_field(days, open_page):
    page = open_page(days.url, "/backfills/new?pipeline=orders", complaints=["422", "409"])
    look = page.get_by_role("button", name="Show what it would do")
    look.click()
    start, end = page.get_by_label("Start", exact=True), page.get_by_label("End", exact=True)
    expect(start).to_be_focused()
    expect(start).to_have_attribute("aria-invalid", "true")
    expect(start).to_have_accessible_description(re.compile("`start` is missing.*Write a date"))
    expect(end).to_have_attribute("aria-invalid", "true")
    expect(preview(page)).to_be_hidden()
    start.fill("2024-03-05")
    end.fill("2024-03-01")
    page.get_by_label("In the time zone").fill("Mars/Phobos")
    look.click()
    expect(page.get_by_label("In the time zone")).to_have_accessible_description(re.compile("Mars/Phobos"))
    expect(start).not_to_have_attribute("aria-invalid", "true")
    page.get_by_label("In the time zone").fill("")
    look.click()
    expect(end).to_have_accessible_description(re.compile("must lie behind `start`"))
    # A field that is folded away is unfolded.
    end.fill("2024-03-06")
    page.get_by_text("Limits and formats").click()
    page.get_by_label("Most partitions").fill("many")
    page.get_by_text("Limits and formats").click()
    look.click()
    expect(page.get_by_label("Most partitions")).to_be_focused()
    expect(page.get_by_label("Most partitions")).to_have_attribute("aria-invalid", "true")
    audit(page)
    page.get_by_label("Most partitions").fill("")
    look.click()
    expect(page.get_by_role("heading", name="It would load 1 partition")).to_be_visible()
    assert page.locator(".fault, [aria-invalid]").count() == 0
    # What belongs to no field stands by the button, in the server's words.
    assert finished(days)["state"] == "success"
    page.get_by_role("button", name="Start the backfill").click()
    expect(page.get_by_role("alert").filter(has_text="earlier backfill").or_(page.locator(".fault"))).to_be_visible()


def test_gaps_show_and_are_filled(serve, open_page):
    server = serve()
    make_days(server)
    define(server)
    with sqlite3.connect(server.folder / "shop.db") as shop:
        shop.execute("CREATE TABLE later AS SELECT * FROM orders WHERE id > 3")
        shop.execute("DELETE FROM orders WHERE id > 3")
    server.run("orders")
    server.put("/v1/pipelines/orders/watermarks/orders", {"value": "2024-03-05T00:00:00Z", "reason": "too far"})
    with sqlite3.connect(server.folder / "shop.db") as shop:
        shop.execute("INSERT INTO orders SELECT * FROM later")
    server.run("orders")
    assert len(server.ask("/v1/pipelines/orders/ledger/orders").json["gaps"]) == 1
    page = open_page(server.url, "/backfills/new?pipeline=orders")
    loaded = page.get_by_role("region", name="What is loaded")
    expect(loaded).to_contain_text("1 gap by updated_at")
    loaded.get_by_role("button", name="Fill the gap…").click()
    expect(page.get_by_role("heading", name="It would load 5 partitions")).to_be_visible()
    expect(page.get_by_label("What is missing")).to_be_checked()
    page.get_by_role("button", name="Start the backfill").click()
    expect(standing(page)).to_contain_text("Success", timeout=20_000)
    assert rows(server) == RIGHT
    page.goto(f"{server.url}/#/backfills/new?pipeline=orders")
    expect(loaded).to_contain_text("Nothing is missing by updated_at.")


def test_the_page_of_a_pipeline_leads_to_the_form(days, open_page):
    define(days, "alone", table="other")
    page = open_page(days.url, "/pipelines/orders")
    page.get_by_role("link", name="Backfill…").click()
    expect(page.get_by_label("Pipeline")).to_have_value("orders")
    # Hours are asked for as hours.
    page.get_by_label("Cut into").select_option("Hours")
    page.get_by_label("Start", exact=True).fill("2024-03-01T11:00")
    page.get_by_label("End", exact=True).fill("2024-03-01T13:00")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="It would load 2 partitions")).to_be_visible()
    expect(preview(page).get_by_role("row", name=re.compile("^1 Mar 2024, 11:00 – 12:00"))).to_be_visible()


def test_the_preview_says_who_is_held_back_and_numbers_are_cut_by_numbers(days, open_page):
    define(days, "reports", table="other", after=["orders"])
    page = open_page(days.url, "/backfills/new?pipeline=orders")
    page.get_by_label("Cut into").select_option("Numbers of a column that counts")
    page.get_by_label("Numbers in each").fill("7")
    page.get_by_label("By the column").fill("id")
    page.get_by_label("Start", exact=True).fill("0")
    page.get_by_label("End", exact=True).fill("31")
    page.get_by_label("Hold back what comes after").check()
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="It would load 5 partitions")).to_be_visible()
    expect(preview(page)).to_contain_text("Held back until its end: reports.")
    expect(preview(page).get_by_role("row", name=re.compile("^0 – 6"))).to_be_visible()
    page.get_by_role("button", name="Start the backfill").click()
    expect(standing(page)).to_contain_text("Success", timeout=20_000)
    expect(cells(page)).to_have_count(5)
    assert days.ask("/v1/backfills").json["backfills"][0]["interval"] == 7
    assert rows(days) == RIGHT


def test_thousands_of_partitions_make_no_more_work_than_a_screen_full(days, open_page):
    with locked(days.folder / "warehouse.db"):
        made = start(days, column="id", interval=1, start=0, end=9_000, max_partitions=9_000)
        days.ask(f"/v1/backfills/{made}/pause", "POST")
        page = open_page(days.url, "/backfills")
        settled(page)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.locator(".backfills").get_by_role("link", name="0 up to 9,000").click()
        expect(page.locator(".calendar")).to_have_attribute("aria-label", re.compile("^9,000 partitions: "))
        assert cells(page).count() == 1800
        assert page.locator(".partitions tbody tr").count() == 15
        assert len([url for url in asked if "/partitions?limit" in url]) == 9, "the partitions come in slices of a thousand"
        cells(page).nth(2).click()
        expect(page.locator(".partition-table")).to_contain_text("10 – 14, 5 partitions")
        expect(page.locator(".partitions tbody tr")).to_have_count(5)
        days.ask(f"/v1/backfills/{made}/cancel", "POST")


@pytest.mark.parametrize("interval, end, count, level", [
    ("hour", "2024-03-03", 48, "hour"), ("week", "2024-03-25", 4, "week"), ("month", "2024-06-01", 3, "month"), ("year", "2026-03-01", 3, "year"),
])
def test_each_interval_has_a_calendar_of_its_own(days, open_page, interval, end, count, level):
    made = finished(days, interval=interval, end=end)
    assert made["state"] == "success"
    page = open_page(days.url, f"/backfills/{made['id']}", viewport=PHONE)
    expect(cells(page, "success")).to_have_count(count)
    expect(page.locator(".calendar")).to_have_attribute("data-level", level)
    audit(page)


def test_texts_of_the_data_never_become_markup(days, open_page):
    checked(days, name=HOSTILE)
    made = finished(days, reason=HOSTILE)
    page = open_page(days.url, f"/backfills/{made['id']}")
    expect(page.locator("h1 + p")).to_contain_text("<script>window.owned=1</script>")
    cells(page, "failed").click()
    expect(page.get_by_role("region", name="One partition")).to_contain_text("<script>window.owned=1</script>")
    expect(log(page).filter(has_text="<script>window.owned=1</script>").first).to_be_visible()
    audit(page)
    page.goto(f"{days.url}/#/backfills")
    expect(page.get_by_role("row", name=re.compile("script"))).to_contain_text("\\u202e")
    page.goto(f"{days.url}/#/backfills/new?pipeline=%3Cimg%20src=x%20onerror=window.owned=1%3E&step=%3Cscript%3E")
    expect(page.get_by_label("Pipeline")).to_have_value("orders")
    assert page.locator("main img, main script").count() == 0


def test_a_month_of_the_demo_is_loaded_again(serve, binary, tmp_path, open_page):
    folder = tmp_path / "demo"
    subprocess.run([binary, "demo", folder], check=True, stdout=subprocess.DEVNULL)
    server = serve("--config-dir", TOP / "examples" / "demo", folder=folder)
    assert server.run("customers")["state"] == "success"
    page = open_page(server.url, "/backfills/new?pipeline=customers&start=2024-03-01&end=2024-04-01")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="It would load 31 partitions")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Start the backfill").click()
    expect(standing(page)).to_contain_text("Success", timeout=60_000)
    expect(cells(page, "success")).to_have_count(31)


def test_what_others_start_shows_in_the_list(days, open_page):
    page = open_page(days.url, "/backfills")
    expect(page.get_by_role("heading", name="No backfills yet")).to_be_visible()
    assert finished(days)["state"] == "success"
    expect(page.get_by_role("row", name=re.compile("Success"))).to_have_count(1)
    page.get_by_label("Show only").select_option("Failed")
    expect(page.get_by_text("No backfill is in this state.")).to_be_visible()


def test_a_server_without_pipelines_says_what_to_do(serve, open_page):
    page = open_page(serve().url, "/backfills/new")
    expect(page.get_by_role("heading", name="No pipeline can be backfilled")).to_be_visible()
    page.get_by_role("link", name="make one first").click()
    expect(page.get_by_role("heading", name="No pipelines yet")).to_be_visible()


def test_they_look_right_by_day_and_by_night_at_a_desk_and_on_a_phone(days, open_page):
    checked(days)
    made = finished(days, reason="the totals of March were wrong")
    staged = finished(days, mode="staged", reprocess="completed", start="2024-03-06")
    assert staged["state"] == "awaiting_publish"
    shots(open_page, days.url, f"/backfills/{made['id']}", "backfill", lambda page: expect(cells(page, "failed")).to_have_count(1))

    def open_one(page):
        page.locator(".partitions").get_by_role("button").first.click()
        expect(page.get_by_role("region", name="One partition")).to_contain_text("Reconciled")

    shots(open_page, days.url, f"/backfills/{staged['id']}", "backfill-staged", open_one)
    shots(open_page, days.url, "/backfills", "backfills", lambda page: expect(page.locator(".backfills tbody tr")).to_have_count(2))

    def ask(page):
        page.get_by_label("Partitions tried before").select_option("completed")
        page.get_by_role("button", name="Show what it would do").click()
        expect(preview(page)).to_contain_text("It would load")

    shots(open_page, days.url, "/backfills/new?pipeline=orders&start=2024-03-01&end=2024-03-06", "backfill-new", ask)
