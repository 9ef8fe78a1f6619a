"""The browser, the served fleet and the signing-in of the other browser tests; and axe, the judge of accessibility."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import browser, complaints, fleet, open_page, sign_in

__all__ = ["browser", "complaints", "fleet", "open_page", "sign_in"]

_AXE = Path(__file__).parent / "axe" / "axe.min.js"
_NOT_SERIOUS = frozenset({"minor", "moderate"})
Judge = Callable[[Page], list[str]]


@pytest.fixture(scope="session")
def judge() -> Judge:
    """What axe finds serious or critical on a page as it stands: the rule, its words, and the elements."""
    source = _AXE.read_text()

    def look(page: Page) -> list[str]:
        # What is being asked for anew is dimmed for that moment, on purpose.
        expect(page.locator(".htmx-request")).to_have_count(0)
        # Evaluated from outside the page: the page's own policy lets no such script in.
        page.evaluate(source)
        found: list[dict[str, Any]] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [
            f"{page.url}: {one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:5]}"
            for one in found
            if one["impact"] not in _NOT_SERIOUS
        ]

    return look
