"""The page at `/`, in a real browser over a real server."""

import os
import shutil
import sqlite3
import subprocess
import time

import pytest
from playwright.sync_api import expect, sync_playwright

HOSTILE = '<img src=x onerror="window.owned=1">\u202e & "><script>window.owned=1</script>'


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("there is no Chromium on this machine; install it: apt-get install -y chromium")
    pytest.skip("there is no Chromium on this machine")


@pytest.fixture(scope="session")
def browser():
    path = chromium()
    with sync_playwright() as playwright:
        # Inside a container the browser's own sandbox has no rights to work with.
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield made
        made.close()


@pytest.fixture
def open_page(browser):
    """Opens pages that must not complain; what they did is checked when the test ends."""
    opened = []

    def make(url, *, complaints=(), **context):
        page = browser.new_context(timezone_id="Asia/Tokyo", locale="en-GB", **context).new_page()
        said = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        opened.append((page, said, complaints))
        page.goto(url + "/")
        return page

    yield make
    for page, said, allowed in opened:
        unexpected = [text for text in said if not any(word in text for word in allowed)]
        assert page.evaluate("window.owned") is None, "a text of the data ran as a script"
        page.context.close()
        assert unexpected == []


def make_shop(folder, rows=3):
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL, updated_at TEXT NOT NULL)")
        shop.executemany(
            "INSERT INTO orders VALUES (?, 1.5, ?)",
            [(n, f"2024-03-01T10:00:{n % 60:02}Z") for n in range(1, rows + 1)])


def define(server, name="orders", table="orders", **more):
    for connection in ("shop", "warehouse"):
        server.put(f"/v1/connections/{connection}", {"type": "sqlite", "path": f"{connection}.db"})
    step = {
        "name": "orders", "source": {"connection": "shop", "table": table},
        "destination": {"connection": "warehouse", "table": table}, "strategy": "timestamp",
        "cursor": "updated_at", "primary_key": ["id"],
    }
    server.put(f"/v1/pipelines/{name}", {"steps": [step], **more})


@pytest.fixture
def shop(serve):
    server = serve()
    make_shop(server.folder)
    define(server, description="Orders of the shop")
    return server


def card(page, name):
    return page.get_by_role("article", name=name, exact=True)


def test_the_keyboard_starts_a_run_that_is_followed_to_its_end(shop, open_page):
    page = open_page(shop.url)
    orders = card(page, "orders")
    expect(orders.locator(".state")).to_have_text("Not run yet")
    expect(orders.locator(".value")).to_have_text("none yet")
    page.evaluate("window.notReloaded = true")

    button = orders.get_by_role("button", name="Run orders now")
    for _ in range(10):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")

    expect(orders.locator(".state")).to_have_text("Success")
    expect(orders.locator(".facts")).to_contain_text("3 new")
    expect(orders.locator(".value")).to_have_text("2024-03-01T10:00:03Z")
    expect(page.locator("#announcer")).to_have_text("orders: success.")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-disabled", "false")
    assert page.evaluate("window.notReloaded")
    assert len(shop.ask("/v1/runs").json["runs"]) == 1


def test_what_others_start_shows_without_a_reload(shop, open_page):
    page = open_page(shop.url)
    expect(card(page, "orders").locator(".state")).to_have_text("Not run yet")
    shop.run("orders")
    expect(card(page, "orders").locator(".state")).to_have_text("Success", timeout=15_000)


def test_a_failure_tells_its_cause_and_remedy(shop, open_page):
    (shop.folder / "shop.db").unlink()
    run = shop.run("orders")
    assert run["state"] == "failed"
    page = open_page(shop.url)
    orders = card(page, "orders")
    expect(orders.locator(".state")).to_have_text("Failed")
    message = run["error"]["message"]
    expect(orders.locator(".what")).to_contain_text(message[1:])
    expect(orders.locator(".remedy")).to_contain_text(run["error"]["hint"][1:])
    expect(page.locator("#summary")).to_have_text("1 pipeline: 1 failed")
    assert page.title() == "1 failed · Strandline"


def test_a_refusal_shows_in_the_words_of_the_problem_document(shop, open_page):
    page = open_page(shop.url, complaints=["404"])
    orders = card(page, "orders")
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
    assert refusal["detail"][1:].rstrip(".") in orders.locator(".what").inner_text()
    assert refusal["hint"][1:].rstrip(".") in orders.locator(".remedy").inner_text()


def test_texts_of_the_data_never_become_markup(serve, open_page):
    server = serve()
    with sqlite3.connect(server.folder / "shop.db") as database:
        table = HOSTILE.replace('"', '""')
        database.execute(f'CREATE TABLE "{table}" (id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL)')
        database.execute(f'INSERT INTO "{table}" VALUES (1, ?)', [HOSTILE])
    for connection in ("shop", "warehouse"):
        server.put(f"/v1/connections/{connection}", {"type": "sqlite", "path": f"{connection}.db"})
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
    assert server.run("hostile")["state"] == "failed"
    for width in (1100, 360):
        page = open_page(server.url, viewport={"width": width, "height": 800})
        expect(card(page, "hostile").locator(".description")).to_contain_text("<script>window.owned=1</script>")
        # What turns the text round is spelt out.
        expect(card(page, "hostile").locator(".description")).to_contain_text("\\u202e")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_empty_server_says_what_to_do_and_it_works(serve, open_page):
    server = serve()
    make_shop(server.folder)
    page = open_page(server.url)
    expect(page.get_by_role("heading", name="No pipelines yet")).to_be_visible()
    commands = page.locator("#empty-commands").inner_text()
    subprocess.run(["bash", "-ec", commands.replace("curl ", "curl -fsS ")], check=True, capture_output=True)
    expect(card(page, "orders")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("heading", name="No pipelines yet")).to_be_hidden()


def test_times_show_in_the_readers_zone_and_utc_when_pointed_at(shop, open_page):
    shop.run("orders")
    page = open_page(shop.url)
    when = card(page, "orders").locator(".when")
    finished = shop.ask("/v1/runs").json["runs"][0]["finished_at"]
    expect(when).to_have_attribute("datetime", finished)
    title = when.get_attribute("title")
    assert finished[:19].replace("T", " ") + " UTC" in title
    local = time.strftime("%H:%M", time.gmtime(time.mktime(time.strptime(finished[:19], "%Y-%m-%dT%H:%M:%S"))
                                               - time.timezone + 9 * 3600))
    assert local in title.splitlines()[0]


def test_a_server_that_goes_away_is_told_and_comes_back(shop, open_page):
    page = open_page(shop.url, complaints=["ERR_CONNECTION_REFUSED", "ERR_", "503"])
    expect(card(page, "orders")).to_be_visible()
    assert shop.stop() == 0
    expect(page.locator("#notice")).to_contain_text("does not answer", timeout=20_000)
    shop.start()
    expect(page.locator("#notice")).to_be_hidden(timeout=40_000)


def test_a_hidden_page_asks_nothing(shop, open_page):
    page = open_page(shop.url)
    expect(card(page, "orders")).to_be_visible()
    page.evaluate(
        """() => {
            Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""")
    page.wait_for_timeout(6_000)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(6_000)
    assert asked == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(shop, open_page, scheme):
    shop.run("orders")
    define(shop, "never")
    define(shop, "broken", table="missing")
    shop.run("broken")
    page = open_page(shop.url, color_scheme=scheme)
    expect(card(page, "orders").locator(".state")).to_have_text("Success")
    expect(card(page, "broken").locator(".state")).to_have_text("Failed")
    expect(card(page, "never").locator(".state")).to_have_text("Not run yet")
    ratios = page.evaluate(CONTRAST)
    assert ratios and min(ratio for _, ratio in ratios) >= 4.5, sorted(ratios, key=lambda pair: pair[1])[:3]


# For each element with words of its own: the ratio of contrast by WCAG 2.
CONTRAST = """() => {
    const parse = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
        .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = parse(getComputedStyle(at).backgroundColor);
            if (color.length < 4 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    return [...document.querySelectorAll("body *")]
        .filter((element) => element.checkVisibility() && !element.closest(".unseen"))
        .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
        .map((element) => {
            const [one, two] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
            return [element.className || element.tagName, (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)];
        });
}"""
