"""Where things stand on the page: whoever moves a control sees what it changes, and what a tab is for is in its first
screen."""

import pytest

from benchmarks import layout

pytestmark = pytest.mark.slow
TABS = list(layout.RULES)


@pytest.fixture(scope="module")
def pages(browser, url):
    """pages(scheme): one page for all tests, light or dark, on which a sheet is shown."""
    opened = {}

    def page(scheme="light"):
        if scheme not in opened:
            context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
            opened[scheme] = context.new_page()
            opened[scheme].goto(url)
            opened[scheme].locator("#sheet img").wait_for()
        return opened[scheme]

    yield page
    for page in opened.values():
        page.context.close()


@pytest.fixture
def tab_of(pages, endless):
    """tab_of(name, scheme): a tab that shows what it has to show; Train with a run of four loss points."""

    def opened(name, scheme="light"):
        page = pages(scheme)
        if name == "Train":
            endless("acgan")
        page.get_by_role("tab", name=name).click()
        points = "+document.querySelector('.live').dataset.points >= 4"
        page.wait_for_function(points if name == "Train" else layout.READY[name])
        if name == "Train":
            page.locator("#pause").wait_for()
        page.wait_for_timeout(500)  # plots are drawn in a later frame
        return page

    return opened


@pytest.mark.parametrize("tab", TABS)
def test_whoever_moves_a_control_sees_what_it_changes(tab, tab_of):
    page = tab_of(tab)
    faults = []
    for first in (True, False):
        if not first:
            layout.unfold(page)
        for size in layout.SIZES:
            found = layout.measured(page, tab, size, first)
            assert found.controls > 5
            faults += [f"{size}: {fault}" for fault in found.first_screen + found.bad]
    assert not faults, "\n".join(faults)


def test_a_control_in_no_table_is_a_fault(tab_of, monkeypatch):
    monkeypatch.setitem(layout.RULES, "Compare", layout.RULES["Compare"][:-1])
    found = layout.measured(tab_of("Compare"), "Compare", "1280x720")
    assert any(fault.startswith("in no table: score") for fault in found.bad)


@pytest.mark.parametrize("size", layout.DESKTOP)
def test_the_table_of_scores_is_not_cut_off(size, tab_of):
    page = tab_of("Compare")
    layout.resize(page, size)
    wide, room = page.locator(".compare .scored .scroll").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide <= room


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_has_a_serious_accessibility_finding(scheme, tab_of):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = []
    for tab in layout.RULES:
        page = tab_of(tab, scheme)
        page.set_viewport_size({"width": 1280, "height": 720})
        for violation in axe.run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                found += [f"{tab}: {violation['id']} {n['target']} {n['html'][:120]}" for n in violation["nodes"]]
    assert not found
