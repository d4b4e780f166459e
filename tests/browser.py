"""A headless Chromium for tests of pages; where there is none, they say so and are skipped."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: Why tests of pages were not run, where they were not.
MISSING = (
    "NOT TESTED: pages need Chromium, chromedriver and the group 'browser' (docs/development.md)"
)


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a driver of a headless Chromium, or skip the test aloud."""
    webdriver = pytest.importorskip("selenium.webdriver", reason=MISSING)
    pytest.importorskip("axe_core_python", reason=MISSING)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    helper = shutil.which("chromedriver")
    if not (program and helper):
        pytest.skip(MISSING)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(helper)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


def visit(driver: Any, path: Path, choice: str = "", width: int = 1280) -> None:
    """Open a page at a width and wait until its charts are drawn."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get("about:blank")
    driver.get(f"{path.as_uri()}{choice}")
    wait(driver)


def wait(driver: Any) -> None:
    """Wait until all charts are drawn."""
    until = time.monotonic() + 60
    while driver.execute_script("return document.documentElement.dataset.ready") != "yes":
        assert time.monotonic() < until, driver.get_log("browser")
        time.sleep(0.05)


def picture(driver: Any) -> bytes:
    """Return the whole page as PNG."""
    found = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    return base64.b64decode(found["data"])
