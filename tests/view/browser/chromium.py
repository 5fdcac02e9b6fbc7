"""Debian's Chromium without a window, driven by Selenium, and what tests do in it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

REQUIRED = "INFOGAP_BROWSER"  # set to `required`, a missing browser is an error
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
_SECONDS = 20.0  # a busy machine is slow


class Browser:
    """A page in Chromium."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)
        self.settle()

    def go(self, hash_: str) -> None:
        """Change the part of the address after #, as a link within the page does."""
        self.run("location.hash = arguments[0]", hash_)
        self.settle()

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def settle(self) -> None:
        """Wait until the page has shown what its address asks for."""
        # A change of the address is noticed in the browser's next turn.
        script = "const done = arguments[0]; setTimeout(() => done(true), 50)"
        self.driver.execute_async_script(script)
        self.until(lambda: self.run("return !document.getElementById('main').hasAttribute('aria-busy')"))

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until a condition holds, and return its value."""
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.05)
        raise AssertionError(f"not within {_SECONDS:g} seconds: {self.text('main')[:500]}")

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """The text of an element as it is in the page, whether it is in view or not."""
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def texts(self, selector: str) -> list[str]:
        return list(self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector))

    def click(self, selector: str) -> None:
        self.run("document.querySelector(arguments[0]).click()", selector)
        self.settle()

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)
        self.settle()

    def size(self, width: int, height: int = 900, theme: str = "light") -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._command("Emulation.setDeviceMetricsOverride", metrics)
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self._command("Emulation.setEmulatedMedia", media)

    def _command(self, name: str, values: dict[str, Any]) -> None:
        self.driver.execute_cdp_cmd(name, values)

    def complaints(self) -> list[str]:
        """What the console says since it was last asked: errors and warnings."""
        log: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log if entry["level"] in ("SEVERE", "WARNING")]

    def unreachable(self) -> list[str]:
        """What axe-core finds that keeps people from using the page: its serious and critical findings."""
        folder = find_spec("axe_playwright_python")
        assert folder is not None, "pip install --no-deps axe-playwright-python"
        assert folder.submodule_search_locations is not None
        source = (Path(folder.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")
        self.run(source)
        run = "axe.run(document, {preload: false})"  # it would fetch styles, which the page's policy refuses
        script = (
            f"const done = arguments[0]; {run}.then(done, (error) => done({{violations: [], error: `${{error}}`}}))"
        )
        found: dict[str, Any] = self.driver.execute_async_script(script)
        assert "error" not in found, found["error"]
        return [
            f"{violation['id']} ({violation['impact']}): {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]


KEYS = Keys


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium with a profile of its own. Skips the test where there is none, unless one is required."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        why = "there is no chromium with its chromedriver: apt-get install chromium chromium-driver"
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(why)
        pytest.skip(why)
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        started = webdriver.Chrome(options=options, service=Service(driver))
        started.set_script_timeout(60)
        try:
            yield Browser(started)
        finally:
            started.quit()
