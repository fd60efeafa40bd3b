"""Every dialog: as accessible as a page, keeps the focus, closes on Escape and gives the focus back."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.furnished import Furnished
from tests.browser.looking import People, Visit
from tests.browser.pages import DIALOGS, Dialog
from tests.browser.test_every_page import look

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(600)]

_HAS_FOCUS = "() => document.querySelector('dialog[open]').contains(document.activeElement)"


@pytest.fixture(scope="module")
def people(browser: Browser, lived_in: Furnished) -> People:
    return People(browser, lived_in)


@pytest.mark.parametrize("dialog", DIALOGS, ids=str)
def test_a_dialog_is_as_it_should_be(people: People, dialog: Dialog) -> None:
    with people.visit(dialog.who) as visit:
        visit.open(dialog.path)
        opener = visit.page.locator(dialog.opener)
        opener.focus()
        visit.page.keyboard.press("Enter")
        opened = visit.page.locator("dialog[open]")
        expect(opened).to_be_visible()
        assert opened.evaluate("(dialog) => dialog.matches(':modal')")
        visit.page.wait_for_function(_HAS_FOCUS)
        look(visit, str(dialog), whole=False)
        visit.resize(1440)
        stays(visit)
        visit.page.keyboard.press("Escape")
        expect(opened).to_have_count(0)
        expect(opener).to_be_focused()


def stays(visit: Visit) -> None:
    """Once around, forwards and backwards: nothing behind the dialog gets the focus."""
    opened: Any = visit.page.locator("dialog[open]")
    count = opened.locator("a[href], button, input:not([type=hidden]), select, textarea, summary").count()
    for key in ["Tab"] * (count + 3) + ["Shift+Tab"] * 4:
        visit.page.keyboard.press(key)
        # Between its end and its beginning the browser's own bar has the focus: then it is on the body.
        assert visit.page.evaluate(
            "() => document.activeElement === document.body || !!document.activeElement.closest('dialog[open]')"
        )
