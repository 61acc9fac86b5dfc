"""Measure the page's layout: python benchmarks/layout.py  (needs Debian's chromium and the developers' requirements)

Whoever moves a control must see what it changes without scrolling. The controls come from the page itself; the tables
below say what each of them changes. Every control is scrolled into view from above and from below, by as little as
possible, and the bounding box of what it changes must be inside the window while its handle is. At the desktop sizes,
what a tab's main act needs is in the first screen. The same is checked on synthetic garments by
tests/page/test_layout.py.
"""

import argparse
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from playwright.sync_api import Page, sync_playwright

from benchmarks.page import FLAGS, open_app
from benchmarks.screenshots import READY, SIZES, begin_run, opened

DESKTOP, PHONE = SIZES[:3], SIZES[3]
PICTURE = 0.45  # the most of a phone's height that the picture on top may take
ITSELF = ""  # a control that changes nothing else on the page: a file, another tab, a setting of what starts later


@dataclass(frozen=True)
class Rule:
    """What some controls change. Both are CSS selectors; of `changes` all that is visible counts, and something must
    be."""

    controls: str
    changes: str = ITSELF


RULES: dict[str, list[Rule]] = {
    "Sample": [
        Rule(
            "#checkpoint, #label, #across, #n, #far, #seed, #roll, #truncation, #level, #ways, [id^=slider_], #back, "
            "#palette, #photograph, #enlarge, #undo, #redo",
            "#sheet img",
        ),
        Rule("*"),
    ],
    "Train": [
        Rule("#gan", "#idea"),
        Rule("#start, #pause, #resume, #stop, #add", ".live .status"),
        Rule("#drop", ".live .queue"),
        Rule("#data, #zip, #knob_size, #knob_fit, #knob_classes, #knob_limit", "#preview"),
        Rule("#use", "#advice"),
        Rule(".live .sheet input", ".live .sheet img"),
        Rule("#how_long, #sample_it, #repo, #push, #waiting, [id^=knob_], .label-wrap"),
    ],
    "Colorize": [
        Rule("#variants", ".dye .variants"),
        Rule(".dye button[data-sheet]", ".dye .ways > :first-child"),
        Rule(".dye .mask :is(button, input, canvas)", ".dye .masked"),
        Rule(".dye :is([data-do=download], [data-do=sheet], summary)"),
        Rule(".dye :is(button, input, canvas, .divider)", ".dye .stage"),
        Rule(".label-wrap"),
        Rule("#colorize_row .controls :is(input, button, textarea)", ".dye .stage"),
    ],
    "Robustness": [
        Rule("#curve_go, #curve_stop", ".robust .curve > .status"),
        Rule("#fit_go, #fit_stop", ".robust .fit > .status, #defence"),
        Rule("#curve_settings, #defence, .robust .buttons button, .label-wrap, .robust summary"),
        Rule(".robust .strength input", ".robust .three, .robust .verdict, .robust .bars"),
        Rule("#robust_row .controls :is(input, button, textarea)", ".robust .three, .robust .verdict"),
    ],
    "Compare": [
        Rule("#models, #compare_seed, #compare_roll, #near", ".compare [data-part=grid]"),
        Rule(".compare .grid button", ".compare .loupe"),
        Rule(".compare .scores button", ".compare .scored .scroll"),
        Rule(".compare [data-part=which]", ".compare [data-plot=curves]"),
        Rule("#score, #duel, .label-wrap, .compare summary"),
    ],
}
# What each tab's main act needs: in the first screen of a desktop, all of it.
FIRST_SCREEN = {
    "Sample": "#sheet img, #checkpoint, #label, #seed, #roll, [id^=slider_]",
    "Train": "#gan, #how_long, #pause, #stop, .live .status, .live .sheet, .live [data-plot=loss], "
    ".live [data-plot=accuracy], .live .remarks li",
    "Colorize": "#gray_kind, #tones, #strength, #dye_seed, #dye_roll, .dye .stage, .dye .variants, .dye .wells, "
    ".dye .palettes",
    "Robustness": "#garment, #classifier, #attack, #mask, #target, .robust .three, .robust .strength, .robust .bars",
    "Compare": "#models, #compare_seed, #compare_roll, #near, .compare [data-part=grid], .compare .verdicts",
}
# The picture that sticks to the top of a phone.
STICKY = {"Sample": "#sheet", "Colorize": ".dye .see", "Robustness": ".robust .see"}

MEASURE = r"""async ({rules, first, sticky, share}) => {
  const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const tab = [...document.querySelectorAll('[role=tabpanel]')].find(t => t.checkVisibility() && t.clientHeight);
  const visible = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true})
    && e.getBoundingClientRect().width > 1 && e.getBoundingClientRect().height > 1;
  const shown = selector => [...tab.querySelectorAll(selector)].filter(visible);
  const words = e => e.getAttribute('aria-label') || e.innerText || e.title || e.type || e.tagName;
  const name = e => [e.closest('[id]')?.id, words(e)].filter(Boolean).map(t => t.trim().slice(0, 40)).join(': ');
  const inside = e => {
    const b = e.getBoundingClientRect();
    return b.top >= -1 && b.left >= -1 && b.bottom <= innerHeight + 1 && b.right <= innerWidth + 1;
  };
  // A control in full view may still lie beneath what sticks.
  const covered = e => {
    const b = e.getBoundingClientRect();
    const over = document.elementFromPoint((b.left + b.right) / 2, (b.top + b.bottom) / 2);
    return Boolean(over && over.closest(sticky || 'no-such') && !e.closest(sticky));
  };
  const bad = [], first_screen = [], blind = new Set();
  window.scrollTo(0, 0);
  await frame();
  for (const e of first ? shown(first) : []) {
    if (!inside(e)) first_screen.push(`not in the first screen: ${e.id || e.className || name(e)}`);
  }
  const controls = shown('input, button, select, textarea, summary, canvas[tabindex], [role=slider], [role=button]');
  for (const control of controls) {
    const rule = rules.find(r => control.closest(r.controls) && tab.contains(control.closest(r.controls)));
    const fault = text => { bad.push(text.replaceAll('\n', ' ')); blind.add(control); };
    if (!rule) { fault(`in no table: ${name(control)}`); continue; }
    for (const from of [0, document.documentElement.scrollHeight]) {
      window.scrollTo(0, from);
      control.scrollIntoView({block: 'nearest'});
      const changed = rule.changes ? shown(rule.changes) : [control];
      const out = changed.filter(e => !inside(e)), way = from ? 'from below' : 'from above';
      if (!changed.length) fault(`changes nothing that is visible: ${name(control)}`);
      else if (covered(control)) fault(`beneath the picture, ${way}: ${name(control)}`);
      else if (out.length) fault(`${name(control)} changes ${out[0].id || out[0].className}, out of view ${way}`);
    }
  }
  window.scrollTo(0, document.documentElement.scrollHeight);
  const picture = sticky ? shown(sticky)[0] : null;
  if (picture) {
    const b = picture.getBoundingClientRect();
    if (b.height > share * innerHeight + 1) bad.push(`the picture takes ${Math.round(100 * b.height / innerHeight)} %`);
  }
  window.scrollTo(0, 0);
  return {controls: controls.length, blind: blind.size, first_screen, bad: [...new Set(bad)]};
}"""
UNFOLD = """() => {
  const tab = [...document.querySelectorAll('[role=tabpanel]')].find(t => t.checkVisibility() && t.clientHeight);
  for (const e of tab.querySelectorAll('.label-wrap:not(.open)')) e.click();
  for (const e of tab.querySelectorAll('details:not([open])')) if (e.checkVisibility()) e.open = true;
}"""


def resize(page: Page, size: str) -> None:
    width, height = map(int, size.split("x"))
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(500)  # plots are drawn anew


@dataclass(frozen=True)
class Measured:
    """What was found on an open tab at a window size."""

    controls: int
    blind: int  # controls whose effect is out of view, or that are in no table
    bad: list[str]  # a sentence for each fault of a control, and for a picture that is too tall
    first_screen: list[str]  # a sentence for each part that is not in the first screen


def measured(page: Page, tab: str, size: str, first: bool = True) -> Measured:
    """Measure an open tab at a window size.

    Args:
        first: whether the first screen counts, which it does as long as nothing is unfolded.
    """
    resize(page, size)
    found = page.evaluate(
        MEASURE,
        {
            "rules": [asdict(rule) for rule in RULES[tab]],
            "first": FIRST_SCREEN[tab] if first and size in DESKTOP else "",
            "sticky": STICKY.get(tab, "") if size == PHONE else "",
            "share": PICTURE,
        },
    )
    return Measured(**found)


def unfold(page: Page) -> None:
    """Open all that is folded in the open tab, so that its controls count too."""
    page.evaluate(UNFOLD)
    page.wait_for_timeout(700)  # what is unfolded is mounted then


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the page's layout.")
    parser.add_argument("--port", type=int, default=7892)
    parser.add_argument("--tabs", nargs="+", default=list(RULES), choices=list(RULES))
    parser.add_argument("--faults", action="store_true", help="print every fault")
    args = parser.parse_args()
    print("| tab | window | controls | see what they change | faults of the first screen |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as p:
        app, _ = open_app(args.port, runs)
        try:
            browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{args.port}")
            page.wait_for_function(READY["Sample"], timeout=90_000)
            if "Train" in args.tabs:
                begin_run(page)
            for tab in args.tabs:
                table(page, tab, args.faults)
            browser.close()
        finally:
            app.terminate()
            app.wait()


def table(page: Page, tab: str, faults: bool) -> None:
    """Print a row for each window size: first as the tab opens, then with all unfolded."""
    opened(page, tab)
    for state in ("", ", unfolded"):
        if state:
            unfold(page)
        for size in SIZES:
            m = measured(page, tab, size, first=not state)
            share = 100 * (m.controls - m.blind) / m.controls
            print(f"| {tab}{state} | {size} | {m.controls} | {share:.0f} % | {len(m.first_screen)} |", flush=True)
            for fault in [*m.first_screen, *m.bad] if faults else []:
                print(f"    {fault}")


if __name__ == "__main__":
    main()
