"""What the tests of the pages share: a real browser, pages that must not complain, and something to look at."""

import os
import re
import shutil
import sqlite3
import urllib.parse

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from conftest import TOP

HOSTILE = '<img src=x onerror="window.owned=1">\u202e & "><script>window.owned=1</script>'
SHOTS = TOP / ".build" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("there is no Chromium on this machine; install it: apt-get install -y chromium")
    pytest.skip("there is no Chromium on this machine")


# For each module anew: a fixture that two modules import is two fixtures, of which only one may be open at a time.
@pytest.fixture(scope="module")
def browser():
    path = chromium()
    with sync_playwright() as playwright:
        # Inside a container the browser's own sandbox has no rights to work with.
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield made
        made.close()


@pytest.fixture
def open_page(browser):
    """Opens pages that must not complain and ask nobody else; what they did is checked when the test ends."""
    opened = []

    def make(url, path="/", *, complaints=(), **context):
        context = {"timezone_id": "Asia/Tokyo", "locale": "en-GB", "viewport": DESKTOP, **context}
        page = browser.new_context(**context).new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        opened.append((page, url, said, asked, complaints))
        page.goto(f"{url}/#{path}")
        return page

    yield make
    for page, url, said, asked, allowed in opened:
        unexpected = [text for text in said if not any(word in text for word in allowed)]
        assert page.evaluate("window.owned") is None, "a text of the data ran as a script"
        page.context.close()
        assert unexpected == [], f"the page complained: {unexpected}"
        own = urllib.parse.urlsplit(url).netloc
        assert {urllib.parse.urlsplit(place).netloc for place in asked} <= {own}, "another host was asked"


def settled(page):
    """Waits until the page has drawn what it opens with."""
    page.locator(".page:not([aria-busy])").wait_for()


def audit(page):
    """Roles, names, labels and contrast by axe-core, and that nothing is wider than the window."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"


def shots(open_page, url, path, name, ready):
    """Looks at a page by day and by night, at a desk and on a phone: audits it, and keeps pictures of it."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        for width, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            page = open_page(url, path, color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
            settled(page)
            ready(page)
            audit(page)
            page.screenshot(path=SHOTS / f"{name}-{scheme}-{width}.png", full_page=True)


def make_shop(folder, rows=3, tables=("orders",)):
    with sqlite3.connect(folder / "shop.db") as shop:
        for table in tables:
            shop.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, total REAL, updated_at TEXT NOT NULL)")
            shop.executemany(
                f"INSERT INTO {table} VALUES (?, 1.5, ?)",
                [(n, f"2024-03-01T10:00:{n % 60:02}Z") for n in range(1, rows + 1)])


def connect(server):
    for connection in ("shop", "warehouse"):
        server.put(f"/v1/connections/{connection}", {"type": "sqlite", "path": f"{connection}.db"})


def define(server, name="orders", table="orders", **more):
    connect(server)
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


def tab_to(page, target, most=40):
    """Goes to an element by the Tab key alone."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("the Tab key does not come to it")


def plain(text):
    """A message as the page may begin and end it."""
    return re.compile(re.escape(text[1:].rstrip(".")))
