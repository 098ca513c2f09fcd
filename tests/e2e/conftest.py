"""A real server and a real Chromium. They drive what a person drives, and wait for what a person sees."""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None and not os.environ.get("EMBTUNE_REQUIRE_BROWSER"):
                item.add_marker(pytest.mark.skip(reason="no Chromium is installed"))


@pytest.fixture(scope="session")
def browser() -> Iterator:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "EMBTUNE_REQUIRE_BROWSER is set and there is no Chromium"
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser) -> Iterator:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(45_000)
    opened = context.new_page()
    yield opened
    if os.environ.get("E2E_SCREENSHOTS"):
        opened.screenshot(path=Path(os.environ["E2E_SCREENSHOTS"]) / f"{time.time():.0f}.png")
    context.close()


class Server:
    """One embtune server on a free port, over a home folder; it can be stopped and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        environment = os.environ | {"EMBTUNE_HOME": str(self.home)}
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "embtune.cli", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, (self.home / "server.log").read_text()
            time.sleep(0.05)
        raise AssertionError("the server did not start within a minute")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(8)  # it waits for open pages first
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    running = Server(home)
    yield running
    running.stop()


def open_page(page, server: Server, name: str = "", project: str | None = None) -> None:
    """Open a page by its address and wait until it has run once."""
    query = f"?project={project}" if project else ""
    page.goto(f"{server.url}/{name}{query}")
    settled(page)


def settled(page) -> None:
    """Wait until no script runs."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')


def eventually(page, condition, seconds: float = 20.0) -> None:
    """Wait until a condition holds: a key shows on the screen at once, in the database soon after."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true in time"
        page.wait_for_timeout(50)


def follow(page, name: str) -> None:
    """Click a page's name in the navigation."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    page.locator("h1", has_text=name).wait_for()
    settled(page)


CHART_READY = """() => {
  const g = document.querySelector('.js-plotly-plot');
  const drawn = g && (g.querySelector('.imagelayer image') || g.querySelector('canvas'));
  return !!(drawn && g._fullData && g.querySelector('.nsewdrag'));
}"""
TO_PIXELS = """(points) => {
  const g = document.querySelector('.js-plotly-plot');
  const r = g.querySelector('.nsewdrag').getBoundingClientRect();
  return points.map(([x, y]) =>
    [r.left + g._fullLayout.xaxis.d2p(x), r.top + g._fullLayout.yaxis.d2p(y)]);
}"""


def chart_ready(page) -> None:
    """Wait until the map is drawn."""
    page.wait_for_function(CHART_READY)
    settled(page)


def draw_lasso(page, corners: list[tuple[float, float]]) -> None:
    """Draw a polygon on the map with the mouse; corners are in the map's coordinates."""
    pixels = page.evaluate(TO_PIXELS, [[float(x), float(y)] for x, y in corners])
    page.mouse.move(*pixels[0])
    page.mouse.down()
    for x, y in [*pixels[1:], pixels[0]]:
        page.mouse.move(x, y, steps=3)
    page.mouse.up()


def ring(center: np.ndarray, radius: float, n: int = 20) -> list[tuple[float, float]]:
    """A circle in the map's coordinates."""
    return [
        (
            center[0] + radius * math.cos(2 * math.pi * i / n),
            center[1] + radius * math.sin(2 * math.pi * i / n),
        )
        for i in range(n)
    ]
