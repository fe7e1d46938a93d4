"""The page of one run, in a real browser over a real server."""

import contextlib
import sqlite3

import pytest
from playwright.sync_api import expect

from browsing import (  # noqa: F401
    DESKTOP, HOSTILE, PHONE, audit, browser, connect, define, make_shop, open_page, plain, settled, shop, shots, tab_to)


@contextlib.contextmanager
def locked(path):
    """Holds a file, so that whoever wants to write it waits."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield
        holder.execute("ROLLBACK")


def trigger(server, pipeline="orders", **options):
    answer = server.ask(f"/v1/pipelines/{pipeline}/runs", "POST", options or None)
    assert answer.status == 202, answer.body
    return answer.json["id"]


def add_row(server, number, total=1.5):
    with sqlite3.connect(server.folder / "shop.db") as database:
        database.execute("INSERT INTO orders VALUES (?, ?, '2024-03-02T10:00:00Z')", [number, total])


def rows(server, table="orders"):
    with contextlib.closing(sqlite3.connect(server.folder / "warehouse.db")) as warehouse:
        return warehouse.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def standing(page):
    return page.get_by_role("region", name="Standing")


def step(page, name):
    return page.get_by_role("region", name=f"Step {name}")


def log(page):
    return page.get_by_role("list", name="What happened").get_by_role("listitem")


CHECKED = {
    "steps": [
        {
            "name": "orders", "source": {"connection": "shop", "table": "orders"},
            "destination": {"connection": "warehouse", "table": "orders"}, "strategy": "timestamp", "cursor": "updated_at",
            "primary_key": ["id"],
            "checks": [
                {"name": "not free", "type": "range", "column": "total", "min": 1},
                {"name": "not dear", "type": "range", "column": "total", "max": 1, "severity": "warn"},
            ],
        },
        {"name": "after", "kind": "sql", "depends_on": ["orders"], "destination": {"connection": "warehouse"}, "sql": "SELECT 1"},
    ]
}


def checked(server):
    """A run that fails by a check."""
    make_shop(server.folder)
    connect(server)
    add_row(server, 77, total=-5)
    server.put("/v1/pipelines/checked", CHECKED)
    return server.run("checked")


def test_a_run_is_followed_from_its_start_to_its_end_without_a_reload(shop, open_page):
    shop.run("orders")
    add_row(shop, 4)
    with locked(shop.folder / "warehouse.db"):
        run = trigger(shop)
        page = open_page(shop.url, f"/runs/{run}")
        expect(standing(page)).to_contain_text("Running")
        expect(standing(page)).to_contain_text("so far")
        expect(page.get_by_role("button", name="Cancel…")).to_be_visible()
        expect(page.get_by_role("button", name="Roll back…")).to_be_hidden()
        page.evaluate("window.notReloaded = true")
    expect(standing(page)).to_contain_text("Success", timeout=20_000)
    expect(page.locator("#announcer")).to_have_text("The run of orders has ended: Success")
    expect(page).to_have_title("Success: orders · Strandline")
    expect(step(page, "orders")).to_contain_text("2024-03-01T10:00:03Z → 2024-03-02T10:00:00Z")
    expect(log(page).first).to_contain_text("Asked for by hand")
    expect(log(page).filter(has_text="orders: success, ")).to_contain_text("1 inserted")
    expect(log(page).last).to_contain_text("Ended: success")
    assert page.evaluate("window.notReloaded")
    page.get_by_role("link", name="orders", exact=True).click()
    page.wait_for_url("**/#/pipelines/orders")


def test_what_it_ran_can_be_read(shop, open_page):
    run = shop.run("orders")
    page = open_page(shop.url, f"/runs/{run['id']}")
    fold = step(page, "orders").locator("summary")
    tab_to(page, fold)
    page.keyboard.press("Enter")
    statement = run["steps"][0]["manifest"]["commits"][0]["statements"][0]
    expect(step(page, "orders").locator("pre").first).to_have_text(statement["sql"])
    expect(step(page, "orders").locator(".commit")).to_contain_text("3 rows inside")
    expect(page.locator(".timeline .part").first).to_be_attached()


def test_the_keyboard_cancels_a_run_and_retries_it(shop, open_page):
    shop.run("orders")
    add_row(shop, 4)
    with locked(shop.folder / "warehouse.db"):
        run = trigger(shop)
        page = open_page(shop.url, f"/runs/{run}")
        expect(standing(page)).to_contain_text("Running")
        tab_to(page, page.get_by_role("button", name="Cancel…"))
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("What it has committed stays")
        # What cannot be undone begins on the way out, and Escape is one.
        expect(dialog.get_by_role("button", name="Let it run")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        assert shop.ask(f"/v1/runs/{run}").json["state"] == "running"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(standing(page)).to_contain_text("Cancelled", timeout=20_000)
    tab_to(page, page.get_by_role("button", name="Retry…"))
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("Starts a new run, with the same options, of what did not succeed: orders.")
    page.keyboard.press("Enter")
    expect(standing(page)).to_contain_text("Success")
    again = shop.ask("/v1/runs").json["runs"][0]
    assert again["retry_of"] == run
    page.get_by_role("link", name="an earlier run").click()
    expect(standing(page)).to_contain_text("Cancelled")
    assert rows(shop) == 4


def test_a_run_that_waits_says_for_what(shop, open_page):
    shop.run("orders")
    add_row(shop, 4)
    with locked(shop.folder / "warehouse.db"):
        trigger(shop)
        run = trigger(shop, full_refresh=True)
        page = open_page(shop.url, f"/runs/{run}")
        expect(standing(page)).to_contain_text("Waits for another run of this pipeline to end.")
        expect(standing(page)).to_contain_text("full refresh")
        page.get_by_role("button", name="Cancel…").click()
        expect(page.get_by_role("dialog")).to_contain_text("It has not begun")
        page.get_by_role("button", name="Cancel the run").click()
        expect(standing(page)).to_contain_text("Cancelled")


def test_a_run_that_failed_tells_the_cause_the_remedy_and_the_rows(serve, open_page):
    server = serve()
    run = checked(server)
    assert run["state"] == "failed"
    page = open_page(server.url, f"/runs/{run['id']}")
    expect(standing(page)).to_contain_text(plain(run["error"]["message"]))
    expect(standing(page).locator(".remedy")).to_contain_text(plain(run["error"]["hint"]))
    found = step(page, "orders").get_by_role("list", name="Checks of orders").get_by_role("listitem")
    expect(found.filter(has_text="not free")).to_contain_text("Failed")
    expect(found.filter(has_text="not free").locator(".sample")).to_have_text(["id = 77"])
    expect(found.filter(has_text="not dear")).to_contain_text("Failed (warns)")
    expect(step(page, "after")).to_contain_text("Skipped")
    expect(log(page).filter(has_text="orders: failed")).to_contain_text(run["error"]["message"])
    # Nothing was committed, so there is nothing to put back.
    expect(page.get_by_role("button", name="Roll back…")).to_be_hidden()


def test_a_rollback_first_says_what_it_would_put_back(shop, open_page):
    shop.run("orders")
    add_row(shop, 4)
    run = shop.run("orders")
    page = open_page(shop.url, f"/runs/{run['id']}")
    page.get_by_role("button", name="Roll back…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("removes 1 row that it inserted")
    expect(dialog).to_contain_text("puts the watermark back to 2024-03-01T10:00:03Z")
    assert rows(shop) == 4
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Roll back").click()
    expect(standing(page)).to_contain_text("Rolled back")
    expect(log(page).last).to_contain_text("Rolled back")
    expect(page.get_by_role("button", name="Roll back…")).to_be_hidden()
    assert rows(shop) == 3


def test_a_rollback_that_is_refused_says_why_and_what_to_do(shop, open_page):
    first = shop.run("orders")
    with sqlite3.connect(shop.folder / "shop.db") as database:
        database.execute("UPDATE orders SET total = 9, updated_at = '2024-03-03T10:00:00Z' WHERE id = 1")
    shop.run("orders")
    page = open_page(shop.url, f"/runs/{first['id']}", complaints=["409"])
    refusal = shop.ask(f"/v1/runs/{first['id']}/rollback?dry_run=true", "POST")
    assert refusal.status == 409
    page.get_by_role("button", name="Roll back…").click()
    expect(page.get_by_role("alert").filter(has_text=plain(refusal.json["detail"]))).to_contain_text(plain(refusal.json["hint"]))
    assert rows(shop) == 3


def test_values_of_the_data_never_become_markup(serve, open_page):
    server = serve()
    make_shop(server.folder, rows=0)
    connect(server)
    with sqlite3.connect(server.folder / "shop.db") as database:
        database.execute("CREATE TABLE things (id TEXT PRIMARY KEY, at TEXT NOT NULL, size INTEGER)")
        database.execute("INSERT INTO things VALUES (?, '2024-03-01T10:00:00Z', -1)", [HOSTILE])
    server.put("/v1/pipelines/hostile", {"steps": [{
        "name": "things", "source": {"connection": "shop", "table": "things"}, "destination": {"connection": "warehouse", "table": HOSTILE},
        "strategy": "timestamp", "cursor": "at", "primary_key": ["id"],
        "checks": [{"name": HOSTILE, "type": "range", "column": "size", "min": 0, "severity": "warn"}],
    }]})
    run = server.run("hostile")
    assert run["state"] == "success", run
    for viewport in (DESKTOP, PHONE):
        page = open_page(server.url, f"/runs/{run['id']}", viewport=viewport)
        settled(page)
        step(page, "things").locator("summary").click()
        expect(step(page, "things").locator(".sample").first).to_contain_text("<script>window.owned=1</script>")
        expect(step(page, "things").locator(".manifest")).to_contain_text("<script>window.owned=1</script>")
        audit(page)
        page.get_by_role("button", name="Roll back…").click()
        expect(page.get_by_role("dialog")).to_contain_text("<script>window.owned=1</script>")
        assert page.locator("main img, main script, dialog img, dialog script").count() == 0
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [320, 768])
def test_it_fits_narrow_windows(serve, open_page, width):
    server = serve()
    page = open_page(server.url, f"/runs/{checked(server)['id']}", viewport={"width": width, "height": 800})
    settled(page)
    audit(page)


def test_it_looks_right_by_day_and_by_night_at_a_desk_and_on_a_phone(serve, open_page):
    server = serve()
    run = checked(server)
    shots(open_page, server.url, f"/runs/{run['id']}", "run", lambda page: expect(log(page).last).to_contain_text("Ended"))
