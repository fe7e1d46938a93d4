"""The overview at `/`, in a real browser over a real server."""

import sqlite3
import subprocess
import time

import pytest
from playwright.sync_api import expect

from conftest import TOP

from browsing import (  # noqa: F401
    DESKTOP, HOSTILE, PHONE, browser, connect, define, make_shop, open_page, plain, settled, shop, shots, tab_to)


def row(page, name):
    return page.get_by_role("article", name=name, exact=True)


def test_the_keyboard_starts_a_run_that_is_followed_to_its_end(shop, open_page):
    page = open_page(shop.url)
    orders = row(page, "orders")
    expect(orders.locator(".word")).to_have_text("Not run yet")
    page.evaluate("window.notReloaded = true")

    button = orders.get_by_role("button", name="Run orders now")
    tab_to(page, button)
    page.keyboard.press("Enter")

    expect(page.locator("#announcer")).to_have_text("orders: success.")
    expect(orders.get_by_role("link", name="Success")).to_have_count(1)
    expect(orders.get_by_role("link", name="Success")).to_have_attribute("aria-label", plain("Success, "))
    expect(orders.locator(".amount")).to_have_text("3 rows")
    expect(button).to_be_focused()
    expect(button).not_to_have_attribute("aria-disabled", "true")
    expect(orders.get_by_role("button", name="Cancel the run of orders")).to_be_hidden()
    assert page.evaluate("window.notReloaded")
    assert len(shop.ask("/v1/runs").json["runs"]) == 1


def test_the_demo_is_loaded_from_a_click_to_the_end_without_a_reload(binary, serve, open_page, tmp_path):
    folder = tmp_path / "demo"
    subprocess.run([binary, "demo", folder], check=True, capture_output=True, timeout=120)
    server = serve("--config-dir", TOP / "examples" / "demo", folder=folder)
    # The schedule would run them too, at a moment that nobody waits for here.
    server.ask("/v1/pipelines/orders/pause", "POST")
    page = open_page(server.url)
    page.evaluate("window.notReloaded = true")
    orders = row(page, "orders")
    expect(orders.locator(".word")).to_have_text("Unknown")
    expect(orders.locator(".reason")).to_contain_text("loaded")
    orders.get_by_role("button", name="Run orders now").click()
    expect(orders.get_by_role("button", name="Cancel the run of orders")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("orders: success.", timeout=90_000)
    # The orders, and a row of revenue for each day.
    expect(orders.locator(".amount")).to_have_text("900.7k rows")
    expect(orders.get_by_role("link", name="Success")).to_have_count(1)
    # The newest order of the demo was sold a while ago, so it is stale as soon as it is loaded.
    expect(page.get_by_role("heading", level=1)).to_have_text("1 of 3 pipelines is stale")
    orders.get_by_role("link", name="orders").click()
    expect(page.locator("svg.graph .node")).to_have_count(3)
    assert page.evaluate("window.notReloaded")


def test_the_arrows_walk_along_the_runs(shop, open_page):
    for _ in range(3):
        shop.run("orders")
    page = open_page(shop.url)
    ticks = row(page, "orders").locator(".tick")
    expect(ticks).to_have_count(3)
    tab_to(page, ticks.nth(2))
    page.keyboard.press("ArrowLeft")
    expect(ticks.nth(1)).to_be_focused()
    page.keyboard.press("Home")
    expect(ticks.nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    first = shop.ask("/v1/runs").json["runs"][-1]["id"]
    page.wait_for_url(f"**/#/runs/{first}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("orders")


def test_what_others_start_shows_without_a_reload_and_without_asking_on_and_on(shop, open_page):
    page = open_page(shop.url)
    expect(row(page, "orders").locator(".word")).to_have_text("Not run yet")
    expect(page.locator("#clock")).to_have_text("Live")
    shop.run("orders")
    expect(row(page, "orders").locator(".tick")).to_have_count(1)


def test_without_streams_it_asks_now_and_then(shop, open_page):
    page = open_page(shop.url, complaints=["503"])
    # As behind a proxy that lets no stream through.
    page.route(
        lambda url: "/v1/events" in url and "limit" not in url,
        lambda route: route.fulfill(status=503, content_type="application/problem+json", body='{"detail": "No streams here."}'))
    page.reload()
    expect(page.locator("#clock")).to_have_text("Every 5 s")
    expect(row(page, "orders").locator(".word")).to_have_text("Not run yet")
    shop.run("orders")
    expect(row(page, "orders").locator(".tick")).to_have_count(1, timeout=15_000)


def test_a_failure_tells_its_cause_and_remedy(shop, open_page):
    (shop.folder / "shop.db").unlink()
    run = shop.run("orders")
    assert run["state"] == "failed"
    page = open_page(shop.url)
    reason = row(page, "orders").locator(".reason")
    expect(reason).to_contain_text(plain(run["error"]["message"]))
    expect(reason).to_contain_text(plain(run["error"]["hint"]))
    expect(page.get_by_role("heading", level=1)).to_have_text("1 of 1 pipeline failed")
    expect(page).to_have_title("1 failed · Strandline")


def test_a_refusal_shows_in_the_words_of_the_problem_document(shop, open_page):
    page = open_page(shop.url, complaints=["404"])
    orders = row(page, "orders")
    expect(orders).to_be_visible()
    refusal = {}

    def refuse(route):
        # What the server itself answers about a pipeline that was removed a moment ago.
        answer = route.fetch(url=f"{shop.url}/v1/pipelines/gone/runs")
        refusal.update(answer.json())
        route.fulfill(response=answer)

    page.route("**/v1/pipelines/orders/runs", refuse)
    orders.get_by_role("button", name="Run orders now").click()
    expect(orders.locator(".what")).to_contain_text("gone")
    expect(orders.locator(".what")).to_contain_text(plain(refusal["detail"]))
    expect(orders.locator(".remedy")).to_contain_text(plain(refusal["hint"]))


def test_a_pipeline_goes_stale_and_comes_back_before_the_readers_eyes(shop, open_page):
    define(shop, "daily")
    define(shop, freshness={"warn_after": "3s", "error_after": "5s", "basis": "last_success"})
    define(shop, "daily", freshness={"warn_after": "1h", "error_after": "2h", "basis": "last_success"})
    shop.run("daily")
    shop.run("orders")
    page = open_page(shop.url)
    page.evaluate("window.notReloaded = true")
    headline = page.get_by_role("heading", level=1)
    expect(headline).to_have_text("1 of 2 pipelines is stale", timeout=12_000)
    orders = row(page, "orders")
    expect(orders.locator(".word")).to_have_text("Stale")
    expect(page).to_have_title("1 stale · Strandline")
    since = shop.ask("/v1/freshness/orders").json["since"]
    expect(orders.locator(".limits")).to_have_attribute("title", plain(" " + since[:19].replace("T", " ") + " UTC"))
    # What, since when and why stand where the page opens, the worst first.
    expect(page.locator(".worst")).to_contain_text("orders since ")
    expect(page.locator(".rows h2")).to_have_text(["orders", "daily"])
    for part in (headline, page.locator(".worst"), orders.locator(".reason"), orders.get_by_role("meter")):
        expect(part).to_be_in_viewport(ratio=1)
    expect(orders.locator(".reason")).not_to_have_text("")
    expect(orders.get_by_role("meter")).to_have_attribute("aria-valuetext", plain(", warns at 3 s, stale at 5 s"))

    orders.get_by_role("button", name="Run orders now").click()
    expect(headline).to_have_text("All 2 pipelines are fresh")
    expect(orders.locator(".word")).to_have_text("Fresh")
    assert page.evaluate("window.notReloaded")


def hostile(server):
    """A pipeline whose every text is meant to do harm, and which fails with them in its error."""
    with sqlite3.connect(server.folder / "shop.db") as database:
        table = HOSTILE.replace('"', '""')
        database.execute(f'CREATE TABLE "{table}" (id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL)')
        database.execute(f'INSERT INTO "{table}" VALUES (1, ?)', [HOSTILE])
    connect(server)
    steps = [
        {
            "name": "by-time", "source": {"connection": "shop", "table": HOSTILE},
            "destination": {"connection": "warehouse", "table": HOSTILE + "1"}, "strategy": "timestamp",
            "cursor": "updated_at", "primary_key": ["id"],
        },
        {
            "name": "whole", "source": {"connection": "shop", "table": HOSTILE},
            "destination": {"connection": "warehouse", "table": HOSTILE + "2"}, "strategy": "full_refresh",
            "primary_key": ["id"],
        },
    ]
    server.put("/v1/pipelines/hostile", {"description": HOSTILE * 3, "steps": steps})
    # The cursor holds no time, so that the error speaks of the hostile value.
    run = server.run("hostile")
    assert run["state"] == "failed"
    return run


def test_texts_of_the_data_never_become_markup(serve, open_page):
    server = serve()
    run = hostile(server)
    for viewport in (DESKTOP, PHONE):
        for path in ("/", "/pipelines/hostile", f"/runs/{run['id']}"):
            page = open_page(server.url, path, viewport=viewport)
            settled(page)
            expect(page.locator("main")).to_contain_text("<script>window.owned=1</script>")
            # What turns the text round is spelt out.
            expect(page.locator("main")).to_contain_text("\\u202e")
            assert page.locator("main img, main script").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("path", [
    "/pipelines/%3Cimg%20src=x%20onerror=window.owned=1%3E", "/runs/..%2F..%2Fhealthz", "/nowhere", "/pipelines/%zz", "/pipelines/a/b/c",
])
def test_an_address_that_means_nothing_says_so(shop, open_page, path):
    page = open_page(shop.url, path, complaints=["404", "400"])
    expect(page.get_by_role("heading", level=1)).to_have_text(plain("There is no such "))
    page.get_by_role("link", name="To the overview").click()
    expect(row(page, "orders")).to_be_visible()


def test_an_empty_server_says_what_to_do_and_it_works(serve, open_page):
    server = serve()
    make_shop(server.folder)
    page = open_page(server.url)
    expect(page.get_by_role("heading", name="No pipelines yet")).to_be_visible()
    commands = page.locator("#empty-commands").inner_text()
    subprocess.run(["bash", "-ec", commands.replace("curl ", "curl -fsS ")], check=True, capture_output=True)
    expect(row(page, "orders")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("heading", name="No pipelines yet")).to_be_hidden()


def test_times_show_in_the_readers_zone_and_utc_when_pointed_at(shop, open_page):
    shop.run("orders")
    page = open_page(shop.url, "/pipelines/orders")
    when = page.locator(".facts div").filter(has_text="Last run").locator("time")
    finished = shop.ask("/v1/runs").json["runs"][0]["finished_at"]
    expect(when).to_have_attribute("datetime", finished)
    title = when.get_attribute("title")
    assert finished[:19].replace("T", " ") + " UTC" in title
    local = time.strftime("%H:%M", time.gmtime(time.mktime(time.strptime(finished[:19], "%Y-%m-%dT%H:%M:%S"))
                                               - time.timezone + 9 * 3600))
    assert local in title.splitlines()[0]


def test_a_server_that_goes_away_is_told_and_comes_back(shop, open_page):
    page = open_page(shop.url, complaints=["ERR_", "503"])
    expect(row(page, "orders")).to_be_visible()
    assert shop.stop() == 0
    expect(page.locator("#notice")).to_contain_text("does not answer", timeout=20_000)
    shop.start()
    expect(page.locator("#notice")).to_be_hidden(timeout=40_000)
    # What happens from now on is told again.
    shop.run("orders")
    expect(row(page, "orders").locator(".tick")).to_have_count(1)


def test_a_hidden_page_asks_nothing(shop, open_page):
    page = open_page(shop.url)
    expect(page.locator("#clock")).to_have_text("Live")
    page.evaluate(
        """() => {
            Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""")
    # What is under way may come to its end; then nothing for longer than any round of a page takes.
    page.wait_for_timeout(500)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    shop.run("orders")
    page.wait_for_timeout(7_000)
    assert asked == []
    page.evaluate(
        """() => {
            Object.defineProperty(document, "visibilityState", { value: "visible", configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""")
    # The stream goes on after the last event that was told.
    expect(row(page, "orders").locator(".tick")).to_have_count(1)


def test_search_filter_and_order_find_what_is_meant(shop, open_page):
    define(shop, "broken", table="missing")
    define(shop, "alpha", description="Something else entirely")
    shop.run("broken")
    shop.run("orders")
    page = open_page(shop.url)
    names = page.locator(".rows h2")
    # Worst first: what failed, what never ran, the others.
    expect(names).to_have_text(["broken", "alpha", "orders"])
    page.get_by_label("Sort by").select_option("Name")
    expect(names).to_have_text(["alpha", "broken", "orders"])
    page.get_by_role("button", name="Failed 1").click()
    expect(names).to_have_text(["broken"])
    expect(page.get_by_role("button", name="Failed 1")).to_have_attribute("aria-pressed", "true")
    # What is chosen is in the address.
    page.reload()
    expect(names).to_have_text(["broken"])
    page.get_by_role("button", name="All 3").click()
    page.get_by_label("Search pipelines").fill("ENTIRELY")
    expect(names).to_have_text(["alpha"])
    page.get_by_label("Search pipelines").fill("nothing has this")
    page.get_by_role("button", name="Show all").click()
    expect(names).to_have_count(3)


def test_the_runs_of_all_pipelines_come_as_they_are_made(shop, open_page):
    define(shop, "broken", table="missing")
    shop.run("broken")
    page = open_page(shop.url, "/")
    page.get_by_role("navigation").get_by_role("link", name="Runs").click()
    lines = page.locator("tbody tr")
    expect(lines).to_have_count(1)
    expect(page.get_by_role("link", name="Runs")).to_have_attribute("aria-current", "page")
    # Who comes to a page is told so.
    expect(page.get_by_role("heading", level=1, name="Runs")).to_be_focused()
    shop.run("orders")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("orders")
    page.get_by_role("button", name="Failed").click()
    expect(lines).to_have_count(1)
    expect(lines.first).to_contain_text("broken")
    page.get_by_role("button", name="Running").click()
    expect(page.locator("main")).to_contain_text("There is no such run.")
    page.get_by_role("button", name="All").click()
    lines.first.get_by_role("link").first.click()
    page.wait_for_url("**/#/runs/*")


def test_two_thousand_pipelines_make_no_more_work_than_a_screen_full(serve, open_page):
    server = serve()
    make_shop(server.folder)
    define(server)
    document = server.ask("/v1/pipelines/orders").json["steps"]
    for number in range(2000):
        server.put(f"/v1/pipelines/p{number:04}", {"steps": document})
    page = open_page(server.url)
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("2,001 pipelines")
    rows = page.locator(".rows article")
    assert rows.count() <= 80, "more rows were made than can be seen"
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    settled(page)
    page.wait_for_function("document.querySelectorAll('.rows article').length > 0")
    lists = [url for url in asked if "/v1/pipelines" in url]
    assert len(lists) <= 4, "the pipelines come in a few pages"
    page.wait_for_load_state("load")
    assert len([url for url in asked if "/v1/runs" in url]) <= 80, "only runs of rows in sight are asked for"
    # All can be come to by keyboard and by search.
    page.get_by_label("Search pipelines").fill("p1999")
    expect(rows).to_have_count(1)
    page.get_by_label("Search pipelines").fill("")
    before = rows.count()
    page.locator(".more").scroll_into_view_if_needed()
    expect(rows.nth(before)).to_be_attached()


def test_it_looks_right_by_day_and_by_night_at_a_desk_and_on_a_phone(shop, open_page):
    for _ in range(3):
        shop.run("orders")
    define(shop, "never", schedule={"every": "1h"})
    define(shop, "broken", table="missing")
    shop.run("broken")
    # Its data is of 2024.
    define(shop, "old", freshness={"warn_after": "1d", "error_after": "2d"}, schedule={"cron": "0 6 * * *"})
    define(shop, "new", description="Loaded anew each night", freshness={"warn_after": "6h", "error_after": "1d", "basis": "last_success"})
    define(shop, "hoped_for", freshness={"warn_after": "6h", "error_after": "1d", "basis": "last_success"})
    for name in ("old", "new", "new"):
        shop.run(name)

    def ready(page):
        for name, runs in (("old", 1), ("broken", 1), ("orders", 3), ("new", 2)):
            row(page, name).scroll_into_view_if_needed()
            expect(row(page, name).locator(".tick")).to_have_count(runs)
        page.evaluate("scrollTo(0, 0)")

    shots(open_page, shop.url, "/", "overview", ready)
    shots(open_page, shop.url, "/runs", "runs", lambda page: expect(page.locator("tbody tr")).to_have_count(7))


def test_an_empty_page_looks_right(serve, open_page):
    server = serve()
    shots(open_page, server.url, "/", "empty", lambda page: expect(page.locator("#empty-commands")).to_be_visible())
