"""The pure parts of the panels' scripts, run in the browser: the queue of questions, formats, axes, the legend's room.

And what is read of all scripts without running them: types at their head, no line too long, and no HTML made of text.
"""

import itertools
import json
import re
from pathlib import Path

import pytest

from fashiongan.ui.shared import panel
from fashiongan.ui.shared.elements import count, element, figures, opponent, percent, progress, time_left

UI = Path(panel.__file__).parent.parent
SCRIPTS = sorted(UI.rglob("*.js"))


@pytest.fixture(scope="module")
def run(browser):
    """run(body, argument): what a function with the shared scripts at hand returns, which may be a promise."""
    page = browser.new_page()
    shared = "\n".join((panel.HERE / name).read_text(encoding="utf-8") for name in panel.SHARED)
    yield lambda body, argument=None: page.evaluate(f"async argument => {{ {shared}\n{body} }}", argument)
    page.close()


slow = pytest.mark.slow  # a browser


@slow
def test_of_many_questions_the_newest_is_asked_and_never_two_at_once(run):
    asked = run("""
      const log = []; let now = 0, most = 0, wish = 0;
      const ask = latest(async newer => {
        const mine = wish;
        now++; most = Math.max(most, now);
        await new Promise(r => setTimeout(r, 20));
        now--; log.push([mine, newer()]);
      }, () => {}, () => log.push('done'));
      const first = ask();
      for (wish = 1; wish < 5; wish++) ask();
      await first;
      return {log, most};
    """)
    assert asked == {"log": [[0, True], [5, False], "done"], "most": 1}


@slow
def test_a_question_that_fails_is_told_and_the_newer_one_is_still_asked(run):
    log = run("""
      const log = []; let wish = 0;
      const ask = latest(async () => {
        const mine = wish;
        await null;
        if (mine === 0) throw new Error('offline');
        log.push(mine);
      }, e => log.push(e.message));
      const first = ask();
      wish = 7; ask();
      await first; await ask();
      return log;
    """)
    assert log == ["offline", 7, 7]


@slow
def test_what_comes_from_outside_stays_text(run):
    found = run("""
      const name = '<img src=x onerror=alert(1)>';
      const node = make('li', {title: name, 'aria-label': name, role: 'note'}, name, false,
        make('b', {textContent: name}));
      return [node.querySelectorAll('img').length, node.textContent, node.getAttribute('role'), node.childNodes.length];
    """)
    assert found == [0, "<img src=x onerror=alert(1)>" * 2, "note", 2]


HOSTILE = "<img src=x onerror=alert(1)>"


@slow
def test_what_the_server_draws_stays_text_and_the_focus_stays_where_it_was(run):
    drawn = [element("b", HOSTILE, title=HOSTILE, data_key="a"), element("button", "press", data_key="b"), HOSTILE]
    found = run(
        """
      const host = make('div');
      document.body.append(host);
      fill(host, argument);
      host.querySelector('button').focus();
      fill(host, argument);
      const kept = document.activeElement.dataset.key === 'b';
      const seen = [kept, host.textContent, host.querySelector('b').title, host.querySelectorAll('img').length];
      host.remove();
      return seen;
    """,
        drawn,
    )
    assert found == [True, f"{HOSTILE}press{HOSTILE}", HOSTILE, 0]


@slow
def test_what_the_server_draws_again_is_no_new_element(run):
    """A new picture would flicker."""
    drawn = element("div", element("img", alt="a"))
    again = element("div", element("img", alt="b"))
    other = element("div", element("img", alt="c", title="d"))
    found = run(
        """
      const host = make('div'), images = [];
      for (const drawn of argument) {
        fill(host, [drawn]);
        images.push(host.querySelector('img'));
      }
      return [images[0] === images[1], images[1].alt, images[1] === images[2], images[2].title];
    """,
        [drawn, again, other],
    )
    assert found == [True, "b", False, "d"]


@slow
def test_what_is_drawn_again_stays_in_its_place(run):
    """A field that is taken out and put in again would close the chooser that it has opened."""
    drawn = [
        [element("label", element("input", type="color", value=color), "color")] for color in ("#000000", "#ffffff")
    ]
    found = run(
        """
      const host = make('div'), moved = [];
      fill(host, argument[0]);
      new MutationObserver(all => moved.push(...all)).observe(host, {childList: true, subtree: true});
      fill(host, argument[1]);
      await new Promise(r => setTimeout(r));
      return [moved.length, host.querySelector('input').value];
    """,
        drawn,
    )
    assert found == [0, "#ffffff"]


@slow
def test_an_answer_is_shown_by_the_names_of_its_parts(run):
    answer = {
        "rows": [element("li", "one"), element("li", "two")],
        "bar": progress(42.4, running=True),
        "hint": HOSTILE,
        "error": None,
        "elsewhere": 7,
    }
    found = run(
        """
      const parts = ['rows', 'bar', 'hint', 'error'].map(name => make('div', {'data-part': name}, 'before'));
      show(make('div', {}, ...parts), argument);
      const [rows, bar, hint, error] = parts;
      return [rows.children.length, bar.getAttribute('aria-valuenow'), bar.style.getPropertyValue('--done'), bar.hidden,
        hint.textContent, hint.querySelectorAll('img').length, error.hidden];
    """,
        answer,
    )
    assert found == [2, "42", "42%", False, HOSTILE, 0, True]


@slow
def test_a_table_sorts_by_its_headings_and_what_has_no_value_comes_last(run):
    heads = [element("th", element("button", data_key=key, data_first="descending")) for key in "ab"]
    rows = [
        element("tr", element("td", str(i), data_value=i), element("td", **({} if i == 1 else {"data_value": -i})))
        for i in range(3)
    ]
    drawn = [element("thead", element("tr", *heads)), element("tbody", *rows), element("tbody", element("tr"))]
    found = run(
        """
      const table = make('table'), log = [];
      document.body.append(table);
      fill(table, argument);
      sortable(table);
      const see = () => log.push([...table.tBodies[0].rows].map(row => row.cells[0].textContent).join('') + ' '
        + [...table.tHead.rows[0].cells].map(heading => heading.getAttribute('aria-sort')));
      sortRows(table);
      see();
      for (const key of 'aabb') {
        table.querySelector(`[data-key=${key}]`).click();
        see();
      }
      fill(table, argument);
      sortRows(table);
      see();
      table.remove();
      return log;
    """,
        drawn,
    )
    assert found == [
        "012 none,none",
        "210 descending,none",
        "012 ascending,none",
        "021 none,descending",
        "201 none,ascending",
        "201 none,ascending",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (figures(1234.5), "1,235"),
        (figures(-123.4), "-123"),
        (figures(12.34), "12.3"),
        (figures(1.234), "1.23"),
        (figures(-0.0221), "-0.022"),
        (percent(1), "100 %"),
        (percent(0.9994), "100 %"),
        (percent(0.994), "99 %"),
        (percent(0.0994), "9.9 %"),
        (percent(0.0004), "0 %"),
        (count(11250.4), "11,250"),
        (time_left(None), ""),
        (time_left(0.2), "1 s left"),
        (time_left(89), "89 s left"),
        (time_left(90), "2 min left"),
        (time_left(5399), "90 min left"),
        (time_left(5400), "1.5 h left"),
        (opponent("wgan-gp"), "critic"),
        (opponent("wgan, 2017, 10 epochs"), "critic"),
        (opponent("dcgan"), "discriminator"),
        (opponent(None), "discriminator"),
    ],
)
def test_formats_of_what_the_server_draws(text, expected):
    assert text == expected


@slow
def test_the_same_sentence_is_not_said_twice(run):
    changes = run("""
      const node = make('p'), seen = [];
      new MutationObserver(all => seen.push(...all)).observe(node, {childList: true});
      for (const text of ['A', 'A', 'A', null]) say(node, text);
      await new Promise(r => setTimeout(r));
      return [seen.length, node.hidden, node.textContent];
    """)
    assert changes == [2, True, ""]


@slow
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("arrow('ArrowUp')", [0, -1]),
        ("arrow('Enter')", None),
        ("between(0, 2, 1)", 1),
    ],
)
def test_formats(run, call, expected):
    assert run(f"return {call}") == expected


@slow
def test_a_long_curve_is_thinned_to_its_averages(run):
    values = [float(i) for i in range(2001)]
    short = run("return thin(argument, 800)", values)
    assert len(short) == 667
    assert short[:2] == [1, 4]
    assert short[-1] == 1999
    assert run("return thin(argument, 800)", values[:800]) == values[:800]
    assert run("return thin(argument, 2)", [None, None, None, 4.0, None, 8.0]) == [None, 6]


@slow
def test_the_legend_gets_the_rows_that_it_needs(run):
    rows = [run("return legendRows(...argument)", [["name"] * n, 400]) for n in (1, 5, 6, 12)]
    assert rows == [1, 1, 2, 3]
    assert run("return legendRows(...argument)", [["a name that is as long as the plot is wide"] * 4, 300]) == 4


LAYOUT = """
  const colors = {text: '#123', line: '#456', ground: '#789'};
  return layoutOf(argument.names.map(name => ({name})), {width: 400, tall: 160, ...argument.how}, colors);
"""


@slow
def test_a_plot_grows_with_its_legend_and_its_curves_stay_as_tall(run):
    few, many = (run(LAYOUT, {"names": ["generator"] * n, "how": {}}) for n in (2, 9))
    for layout in (few, many):
        assert layout["height"] - layout["margin"]["t"] - layout["margin"]["b"] == 160
    assert many["margin"]["t"] > few["margin"]["t"] >= 19
    assert few["legend"]["y"] == 1  # above the curves, within the margin


@slow
def test_axes_take_the_pages_colors_and_keep_their_own_settings(run):
    how = {"y": {"range": [0, 1], "tickformat": ".0%", "title": "named right"}, "hovermode": "x unified"}
    layout = run(LAYOUT, {"names": ["a"], "how": how})
    assert (layout["xaxis"]["gridcolor"], layout["font"]["color"], layout["hoverlabel"]["bgcolor"]) == (
        "#456",
        "#123",
        "#789",
    )
    assert (layout["yaxis"]["range"], layout["yaxis"]["tickformat"]) == ([0, 1], ".0%")
    assert layout["yaxis"]["title"]["text"] == "named right"
    assert layout["hovermode"] == "x unified"
    assert run("return SHARE.range.map(Math.sign)") == [-1, 1]  # all and none are not on the plot's edge


@slow
def test_a_rule_goes_from_edge_to_edge(run):
    across, upright = run("return [rule('x', 0.1, 'dash'), rule('y', 0.3)]")
    assert (across["xref"], across["x0"], across["x1"], across["y0"], across["y1"]) == ("paper", 0, 1, 0.1, 0.1)
    assert (upright["yref"], upright["y0"], upright["y1"], upright["x0"], upright["x1"]) == ("paper", 0, 1, 0.3, 0.3)


# Viénot, Brettel and Mollon 1999: linear RGB as people without the first and without the second kind of cones see it.
BLIND = {
    "protan": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deutan": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
}


def linear(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]


def lab(rgb):
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = (sum(m * v for m, v in zip(row, rgb, strict=True)) for row in to_xyz)
    f = [t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x / 0.9505, y, z / 1.089)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


@slow
@pytest.mark.parametrize("kind", BLIND)
def test_people_who_see_fewer_colors_can_tell_the_curves_apart(run, kind):
    """In CIELAB, where two lines that are 10 apart look different."""
    seen = [
        lab([min(1, max(0, sum(m * v for m, v in zip(row, linear(c), strict=True)))) for row in BLIND[kind]])
        for c in run("return COLORS")
    ]
    apart = {
        (i, k): sum((a - b) ** 2 for a, b in zip(seen[i], seen[k], strict=True)) ** 0.5
        for i, k in itertools.combinations(range(6), 2)
    }
    assert min(apart.values()) > 18, apart


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.relative_to(UI).as_posix())
def test_a_script_is_checked_short_and_writes_no_html(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "// @ts-check"
    assert [n for n, line in enumerate(lines, 1) if len(line) > 120] == []
    written = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser"
    assert re.findall(written, "\n".join(lines)) == []


def test_the_linter_knows_the_shared_names():
    """A panel may use what the shared scripts declare, and the list in .oxlintrc.json is what they declare."""
    settings = json.loads((UI.parent.parent / ".oxlintrc.json").read_text(encoding="utf-8"))
    text = "\n".join((panel.HERE / name).read_text(encoding="utf-8") for name in panel.SHARED)
    declared = set(re.findall(r"^function (\w+)", text, re.M))
    for line in re.findall(r"^const (.*)$", text, re.M):
        declared |= set(re.findall(r"(?:^|, )([A-Za-z]\w*) =", line))
    given = {"element", "props", "server", "trigger", "watch"}
    assert set(settings["overrides"][0]["globals"]) == declared | given
