"""One Chromium for the tests of a file, and the server of the run that they look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infogap.runs.run_folder import Run
from infogap.view.local_server import view_app
from servers.serve import serve
from view.browser.chromium import Browser, chromium

TOKEN = "a-token-of-these-tests"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        started.size(1280)
        yield started


@pytest.fixture(scope="module")
def site(viewed: Run) -> Iterator[str]:
    """The link to the pages of the viewed run."""
    with serve(view_app(viewed, TOKEN, 7575)) as url:
        yield f"{url}/?token={TOKEN}"


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Browser]:
    """The list of the viewed run. A test fails if the console complains."""
    browser.complaints()
    browser.driver.get("about:blank")
    browser.open(site)
    yield browser
    assert browser.complaints() == []
