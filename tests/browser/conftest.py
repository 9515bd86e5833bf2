"""A real headless Chromium, Debian's own; it is installed where it is missing."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"chromium": "chromium", "chromedriver": "chromium-driver"}
DRAWN_SECONDS = 60
PHONE = {"deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2, "touch": True}}


@pytest.fixture(scope="session")
def programs() -> dict[str, str]:
    """Paths of Chromium and its driver."""
    if not all(map(shutil.which, PROGRAMS)):
        sys.path.insert(0, str(ROOT / "dev"))
        try:
            importlib.import_module("embedded.debian").ensure(PROGRAMS)
        finally:
            sys.path.remove(str(ROOT / "dev"))
    return {program: str(shutil.which(program)) for program in PROGRAMS}


@pytest.fixture(scope="session")
def start(programs, tmp_path_factory) -> Iterator[Callable[..., webdriver.Chrome]]:
    """Start a browser; all are ended with the session."""
    started: list[webdriver.Chrome] = []

    def begin(*, phone: bool = False) -> webdriver.Chrome:
        options = Options()
        options.binary_location = programs["chromium"]
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
            options.add_argument(argument)
        options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if phone:
            options.add_experimental_option("mobileEmulation", PHONE)
        started.append(webdriver.Chrome(options=options, service=Service(programs["chromedriver"])))
        return started[-1]

    yield begin
    for driver in started:
        driver.quit()


@pytest.fixture(scope="session")
def desktop(start) -> webdriver.Chrome:
    return start()


@pytest.fixture(scope="session")
def phone(start) -> webdriver.Chrome:
    return start(phone=True)


def opened(driver: webdriver.Chrome, url: str, *, media: str = "", scheme: str = "light") -> SimpleNamespace:
    """Open a page and wait until its figures are drawn; return what a reader could find out about it."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    driver.get_log("browser")
    driver.get(url)
    wait(lambda: driver.execute_script("return document.body.dataset.drawn !== undefined"))
    return SimpleNamespace(
        driver=driver,
        js=lambda script: driver.execute_script(f"return {script}"),
        complaints=[entry["message"] for entry in driver.get_log("browser")],
    )


def wait(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + DRAWN_SECONDS
    while not is_so():
        assert time.monotonic() < end, "the page has not drawn its figures"
        time.sleep(0.05)
