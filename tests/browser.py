"""A real browser, headless: Chromium by chromedriver, and what every page must show in it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
TELEPHONE = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}


def _missing() -> str | None:
    if importlib.util.find_spec("selenium") is None or importlib.util.find_spec("axe_core_python") is None:
        return "needs selenium and axe-core-python: pip install -e '.[dev]'"
    if CHROMIUM is None or CHROMEDRIVER is None:
        return "needs chromium and chromedriver: apt-get install chromium chromium-driver"
    return None


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser; without one the test is skipped, and fails in CI."""
    missing = _missing()
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en"):
        options.add_argument(argument)
    options.add_argument("--window-size=1280,1000")
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(CHROMEDRIVER)))
    granted = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    driver.execute_cdp_cmd("Browser.grantPermissions", granted)
    try:
        yield driver
    finally:
        driver.quit()


def barriers(driver: Any) -> list[dict[str, Any]]:
    package = importlib.util.find_spec("axe_core_python")
    assert package is not None and package.origin is not None
    driver.execute_script((Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    return [
        {"id": one["id"], "nodes": [node["html"][:200] for node in one["nodes"][:3]]}
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def assert_quiet(driver: Any) -> None:
    assert driver.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert [url for url in urls if not url.startswith(("file://", "data:", "about:"))] == []
    assert len([url for url in urls if url.startswith("file://")]) == 1


def prefer(driver: Any, scheme: str) -> None:
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
