"""The Robustness tab in a real browser: one picture under attack, the curve as it grows, a defence in training."""

import csv
import io
import json

import gradio as gr
import pytest
from gradio_client import Client
from PIL import Image

from fashiongan import attacks, classifiers
from fashiongan.classifiers import Fitted, store
from fashiongan.errors import StudioError
from fashiongan.evaluation.robustness import CERTIFIED, Point
from fashiongan.studio.robustness import Least
from fashiongan.ui.robustness import bench, drawing, tab

pytestmark = pytest.mark.slow


@pytest.fixture
def page(visit):
    return opened(visit())


def opened(page):
    page.get_by_role("tab", name="Robustness").click()
    return ready(page)


def ready(page):
    page.wait_for_function("() => document.querySelector('.robust')?.dataset.state === 'ready'")
    return page


def shown(page, **wanted):
    """Wait until the shown picture has these settings."""
    page.wait_for_function(
        "wanted => { const d = JSON.parse(document.querySelector('.robust')?.dataset.shown || '[{}]');"
        " const now = {...d[0], eps: d[1]};"
        " return Object.entries(wanted).every(([k, v]) => String(now[k]) === String(v)) }",
        arg=wanted,
    )


def source(page, part):
    return page.locator(f"[data-part={part}]").get_attribute("src")


def set_number(page, selector, value):
    field = page.locator(selector)
    field.fill(str(value))
    field.press("Tab")


def choose(page, selector, name):
    page.locator(f"{selector} input").click()
    page.get_by_role("option", name=name, exact=True).click()


def unfold(page, name, selector):
    page.get_by_text(name, exact=True).click()
    page.locator(selector).wait_for()
    page.wait_for_timeout(500)  # what is unfolded is mounted with its first values


def state(page, part, wanted):
    page.wait_for_function(
        "([part, wanted]) => document.querySelector(`.robust .${part}`)?.dataset.state === wanted", arg=[part, wanted]
    )


def test_it_opens_on_a_garment_before_and_after(page):
    shown(page, number=16, classifier="cnn", attack="fgsm", mask="garment", eps=0.025)
    assert all(source(page, part).startswith("data:image/png") for part in ("before", "added", "after"))
    assert source(page, "before") != source(page, "after")
    assert page.locator("[data-part=magnified]").inner_text() == "added, 20 times as strong"
    assert page.locator(".strength output").inner_text() == "6.4/255"
    assert page.locator(".bars tbody tr").count() == 10
    shares = page.locator(".bars tbody .left span").all_inner_texts()
    assert sum(float(s.removesuffix(" %")) for s in shares) == pytest.approx(100, abs=3)
    assert page.locator(".verdict").inner_text().startswith("It is: Shirt. With noise of 0.025 (6.4/255): ")
    page.wait_for_function("() => 'least' in document.querySelector('.robust').dataset")


def test_the_slider_is_live_and_the_number_beside_it_agrees(page):
    before = source(page, "before")
    slider = page.locator(".strength input[type=range]")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = set()
    for k in range(8):
        page.mouse.move(box["x"] + box["width"] * (0.1 + k * 0.05), box["y"] + box["height"] / 2)
        page.wait_for_timeout(150)
        seen.add(source(page, "after"))
    assert len(seen) > 3, "it moves with the hand"
    page.mouse.up()
    value = float(slider.input_value())
    assert 0.3 < value < 0.6
    shown(page, eps=value)
    assert float(page.locator(".strength input[type=number]").input_value()) == value
    assert source(page, "before") == before
    set_number(page, ".strength input[type=number]", 0)
    shown(page, eps=0)
    assert source(page, "after") == before
    assert page.locator("[data-part=magnified]").inner_text() == "nothing added"
    set_number(page, ".strength input[type=number]", 1.5)
    page.locator(".robust > .error").get_by_text("Noise strength takes a number from 0 to 1").wait_for()


def test_another_picture_classifier_attack_mask_and_target(page):
    before = source(page, "before")
    set_number(page, "#picture input", 7)
    shown(page, number=7)
    assert source(page, "before") != before
    choose(page, "#classifier", "dense")
    choose(page, "#attack", "forty steps (PGD)")
    page.get_by_label("All", exact=True).first.check()
    choose(page, "#target", "Bag")
    shown(page, number=7, classifier="dense", attack="pgd", mask="none", target="Bag")
    set_number(page, ".strength input[type=number]", 0.9)
    page.locator(".verdict").get_by_text("It is taken for Bag, as was wanted.").wait_for()
    set_number(page, "#picture input", 200)
    page.locator(".robust > .error").get_by_text("There is no test picture 200: they are numbered").wait_for()
    set_number(page, "#picture input", 1)
    ready(page)
    choose(page, "#attack", "random noise")
    shown(page, attack="noise", target="Any other class")
    page.locator("#another").click()
    page.wait_for_function("() => document.querySelector('#picture input').value !== '1'")


def test_a_euclidean_attack_may_be_as_strong_as_in_papers(page):
    choose(page, "#attack", "forty steps, Euclidean (PGD L2)")
    shown(page, attack="pgd-l2")
    set_number(page, ".strength input[type=number]", 2.5)
    shown(page, attack="pgd-l2", eps=2.5)
    assert page.locator(".strength input[type=range]").input_value() == "2.5"
    assert page.locator(".strength output").inner_text() == "Euclidean"
    assert "With noise of 2.500 (Euclidean)" in page.locator(".verdict").inner_text()
    set_number(page, ".strength input[type=number]", 11)
    page.locator(".robust > .error").get_by_text("Noise strength takes a number from 0 to 10").wait_for()


def test_a_euclidean_strength_is_no_count_of_gray_levels():
    euclidean, cube = (attacks.ATTACKS[name].title for name in ("pgd-l2", "pgd"))
    assert drawing.smallest(Least(19, euclidean)).least.startswith("The least that fools it: 0.075 (Euclidean), found")
    assert drawing.smallest(Least(19, cube)).least.startswith("The least that fools it: 0.075 (19/255), found")
    assert drawing.smallest(Least(None, euclidean)).least.startswith("Not even noise of a length of 1 fools it")
    assert drawing.smallest(Least(None, cube)).least.startswith("Not even the strongest noise fools it")


def test_generated_and_uploaded_garments(page, tmp_path):
    page.get_by_label("One that a GAN draws").check()
    page.locator(".verdict").get_by_text("Before: ").wait_for()
    page.get_by_label("My own").check()
    page.locator(".robust > .error").get_by_text("Upload a picture of a garment").wait_for()
    field = page.locator("#upload input[type=file]")
    Image.new("RGB", (60, 40), (200, 200, 200)).save(tmp_path / "a.png")
    field.set_input_files(tmp_path / "a.png")
    ready(page)
    page.locator(".verdict").get_by_text("Before: ").wait_for()


def test_what_is_no_picture_is_refused_in_one_sentence(page, tmp_path):
    page.get_by_label("My own").check()
    (tmp_path / "a.png").write_text("no picture", encoding="utf-8")
    page.locator("#upload input[type=file]").set_input_files(tmp_path / "a.png")
    page.get_by_text("is no picture that can be read").wait_for()


def point(classifier, attack, eps, accuracy, mask="none"):
    return Point(1, 1, classifier, attack, mask, eps, 50, True, accuracy, 0.0, 1.0, (), 0.1)


def test_a_certified_bound_is_a_dashed_line_in_the_color_of_its_net():
    points = [point("b", CERTIFIED, e, a) for e, a in ((0.1, 0.6), (0.0, 0.8))]
    points += [point(name, "fgsm", 0.1, 0.7) for name in ("a", "b")]
    plot = drawing.curve_plot(points)
    one, two, line = plot.traces
    assert (one["name"], two["name"]) == ("a, one step (FGSM), all pixels", "b, one step (FGSM), all pixels")
    assert (line["name"], line["x"], line["y"]) == ("b, certified bound, all pixels", [0.0, 0.1], [0.8, 0.6])
    assert (line["mode"], line["line"]["dash"]) == ("lines", "dash")
    assert line["meta"] == two["meta"] != one["meta"]
    assert line["customdata"][1] == "0.100 (25.5/255): no attack gets below 60.0 %, 50 pictures"
    assert {t["line"]["dash"] for t in (one, two)} == {"solid"}, "the bound takes no dash from an attack"
    assert (plot.proven, plot.points) == (True, 4)
    (strength,) = plot.strengths
    assert len(strength.pairs) == 2, "nothing is confused in a bound"


def test_curves_without_a_bound_show_none_and_a_bound_may_come_first():
    plot = drawing.curve_plot([point("a", "fgsm", 0.1, 0.7)])
    assert (len(plot.traces), plot.proven) == (1, False)
    plot = drawing.curve_plot([point("b", CERTIFIED, 0.0, 0.7)])
    assert (len(plot.traces), plot.strengths, plot.proven) == (1, [], True)


def test_a_fit_of_a_certified_net_shows_what_is_certified():
    records = [Fitted(1, 2, 0.5, 1.0, 1.0, 1.0, 0.5, None), Fitted(2, 2, 1.0, 1.0, 1.0, 1.0, 0.6, 0.7, None, 0.4)]
    *_, last = drawing.fit_traces(records)
    assert (last["name"], last["x"], last["y"]) == ("held out, certified", [1.0], [0.4])


def test_each_net_brings_its_epochs_its_adversary_and_what_its_strength_means():
    epochs, adversary, strength = bench.defaults("certified")
    assert (epochs, adversary) == (classifiers.recipe("certified").epochs, "none")
    assert strength.label == "Certified strength"
    assert bench.defaults("robust")[:2] == [12, "pgd"]
    assert bench.defaults("robust")[2].label == "Adversary's strength"
    assert bench.defaults("dense")[1] == gr.skip(), "as the visitor has chosen"


def test_a_curve_grows_can_be_saved_and_is_there_for_others(page, visit, studio):
    unfold(page, "The curve", "#curve_n input")
    set_number(page, "#curve_n input", 60)
    page.locator("#eps textarea, #eps input").fill("0, 0.1, 0.3")
    page.locator("#curve_go").click()
    state(page, "curve", "finished")
    names = [n for n in bench.FAVOURITES if n in store.bundled()]
    proven = [n for n in names if isinstance(classifiers.load(n), classifiers.Certified)]
    count = 3 * len(names) + 3 * len(proven)
    page.wait_for_function("n => document.querySelector('.robust .curve').dataset.points === String(n)", arg=count)
    page.locator("[data-plot=curve] .scatterlayer path.js-line").first.wait_for()
    assert page.locator(".robust .curve .status").inner_text() == "Finished: the first 60 test pictures"
    assert page.locator(".pairs tr").count() == len(names)
    with page.expect_download() as saved:
        page.locator("[data-do=csv]").click()
    rows = list(csv.DictReader(io.StringIO(saved.value.path().read_text(encoding="utf-8"))))
    assert len(rows) == count
    assert {r["classifier"] for r in rows} == set(names)
    assert [r["classifier"] for r in rows if r["attack"] == "certified"] == [n for n in proven for _ in range(3)]
    assert page.locator("[data-part=proven]").is_visible() == bool(proven)
    assert "no attack of this size" in page.locator("[data-part=proven]").text_content()
    assert page.locator("[data-plot=curve] .legendtext", has_text="certified bound").count() == len(proven)
    with page.expect_download() as saved:
        page.locator("[data-do=png]").click()
    with Image.open(saved.value.path()) as im:
        assert im.format == "PNG"
        assert im.width == 2000
    other = opened(visit())
    state(other, "curve", "finished")
    other.wait_for_function("n => document.querySelector('.robust .curve').dataset.points === String(n)", arg=count)


def test_a_curve_can_be_stopped_and_what_cannot_be_computed_is_told(page):
    unfold(page, "The curve", "#curve_n input")
    page.locator("#curve_go").click()
    page.get_by_text("limit cannot be 1000: there are 200 test pictures.").wait_for()
    set_number(page, "#curve_n input", 200)
    choose(page, "#curve_by", "forty steps, five starts (PGD)")
    page.keyboard.press("Escape")
    page.locator("#curve_go").click()
    state(page, "curve", "running")
    page.locator("#curve_stop").click()
    state(page, "curve", "stopped")
    page.locator("#curve_go").wait_for()


def test_a_defence_is_trained_and_joins_the_lists(page, studio):
    unfold(page, "Train a defence", "#fit_net")
    choose(page, "#fit_net", f"dense: {classifiers.Dense.title}")
    page.wait_for_function("() => document.querySelector('#fit_epochs input').value === '10'")
    set_number(page, "#fit_epochs input", 2)
    page.locator("#fit_go").click()
    state(page, "fit", "finished")
    page.locator("[data-plot=fit] .scatterlayer path.js-line").first.wait_for()
    assert page.locator(".robust .fit .status").inner_text().startswith("Finished: dense-pgd-")
    made = next(studio.folder.glob("classifiers/dense-pgd-*.safetensors"))
    page.locator("#classifier input").click()
    page.get_by_role("option", name=made.as_posix()).click()
    shown(page, classifier=made.as_posix())


def test_a_phone_has_all_tabs_and_nothing_sticks_out(visit):
    page = visit()
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


# For programs


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def test_attack_for_programs(client):
    found = client.predict(classifier="dense", eps=0.3, mask="none", number=3, api_name="/attack")
    assert found["class"] == "Dress"
    assert len(found["confidences"][1]) == len(found["labels"]) == 10
    assert found["eps_255"] == 76.5
    assert found["after"].startswith("data:image/png;base64,")
    assert found["least"] is None or 0 <= found["least"] <= 255


def test_a_curve_for_programs(client):
    found = client.predict(classifier="dense", attack="pgd", eps="0,8/255", limit=30, api_name="/robustness_curve")
    assert (found["classifier"], found["attack"], found["mask"], found["n"]) == ("dense", "pgd", "garment", 30)
    assert [p["eps_255"] for p in found["points"]] == pytest.approx([0, 8])
    assert "certified" not in found
    json.dumps(found)


@pytest.mark.skipif("certified" not in store.bundled(), reason="no net with bounds is bundled")
def test_a_certified_bound_for_programs(client):
    found = client.predict(classifier="certified", eps="0.1", limit=30, api_name="/robustness_curve")
    assert [p["eps"] for p in found["points"]] == [0.1]
    assert [p["eps"] for p in found["certified"]] == [0, 0.1]
    assert found["certified"][1]["accuracy"] <= found["points"][0]["accuracy"]


@pytest.mark.parametrize(
    ("arguments", "endpoint", "sentence"),
    [
        ({"classifier": "nosuch"}, "/attack", "no classifier 'nosuch' here"),
        ({"classifier": "../../etc/passwd"}, "/robustness_curve", "no classifier"),
        ({"eps": -0.1}, "/attack", "eps cannot be -0.1"),
        ({"eps": 1.1}, "/attack", "eps cannot be 1.1"),
        ({"number": 10_000}, "/attack", "no test picture 10000"),
        ({"attack": "magic"}, "/attack", "no attack called 'magic'"),
        ({"eps": "2"}, "/robustness_curve", "eps cannot be 2"),
        ({"limit": 0}, "/robustness_curve", "limit takes a number from 1"),
        ({"mask": "hat"}, "/robustness_curve", "mask cannot be 'hat'"),
    ],
)
def test_programs_are_refused_in_one_sentence(arguments, endpoint, sentence, client):
    with pytest.raises(Exception, match=sentence):
        client.predict(**arguments, api_name=endpoint)


@pytest.mark.parametrize("asked", [None, 7, [], {}, {"kind": 3}, {"kind": tab.OWN}, {"number": "x"}, {"number": True}])
def test_anything_may_be_sent_to_the_panel(asked):
    with pytest.raises(StudioError):
        tab.described(asked, 0.1)


def test_a_garment_is_sent_here_from_the_sample_tab(visit):
    page = visit()
    page.wait_for_function("() => document.querySelector('#sheet img')?.naturalWidth")
    page.locator("#send_robustness").click()
    shown(page, kind="My own")
    page.locator("#upload").get_by_text("studio-seed0").first.wait_for()
    page.wait_for_function("() => document.querySelector('[data-part=before]').src.startsWith('data:image/png')")
