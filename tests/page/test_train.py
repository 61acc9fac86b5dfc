"""The Train tab in a real browser: a real run is started, watched, left alone, stopped and sampled."""

import io
import math
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from fashiongan.gans import losses

pytestmark = pytest.mark.slow


def wait_points(page, n):
    page.wait_for_function("n => +document.querySelector('.live').dataset.points >= n", arg=n)


def wait_state(page, state):
    page.wait_for_function("s => document.querySelector('.live').dataset.state === s", arg=state)


def wait_run(page, name):
    page.wait_for_function("n => document.querySelector('.live').dataset.run === n", arg=name)


def points(page):
    return int(page.locator(".live").get_attribute("data-points"))


def set_knob(page, name, value):
    field = page.locator(f"#knob_{name} :is(input, textarea)")
    field.fill(str(value))
    field.press("Tab")


def test_a_page_on_which_nothing_moves_draws_no_frames(visit):
    """Otherwise a loop of gradio's uses CPU time as long as the page is open: first.js."""
    page = visit()
    page.add_init_script(
        "window.frames_asked = 0; const ask = window.requestAnimationFrame;"
        "window.requestAnimationFrame = f => { window.frames_asked++; return ask.call(window, f); }"
    )
    page.reload()
    page.locator("#sheet img").wait_for()
    for _ in range(20):
        before = page.evaluate("window.frames_asked")
        page.wait_for_timeout(1000)
        asked = page.evaluate("window.frames_asked") - before
        if asked < 5:
            break
    assert before > 0
    assert asked < 5


def test_start_watch_stop_and_sample(train_page, studio):
    page = train_page()
    assert page.locator("#preview figure").first.inner_text().split() == ["T-shirt/top", "60"]
    page.wait_for_function("() => document.querySelector('#knob_limit input').value === ''")  # all pictures, not none
    page.get_by_text("More settings").click()
    for name, value in {"width": 8, "z_dim": 16, "batch": 16, "epochs": 500}.items():
        set_knob(page, name, value)
    before = studio.run
    page.locator("#start").click()
    page.wait_for_function(
        "old => { const r = document.querySelector('.live').dataset.run; return r && r !== old }",
        arg=before.out.name if before else "",
    )
    wait_points(page, 5)
    assert studio.run.recipe.width == 8
    assert studio.run.recipe.epochs == 500
    assert studio.run.owner
    lines = page.evaluate("() => [...document.querySelectorAll('[data-plot=loss] .scatterlayer path.js-line')].length")
    assert lines == 2  # the two players; their terms wait in the legend
    assert page.locator(".live .sheet img").get_attribute("src").startswith("data:image/png")
    page.wait_for_function("() => document.querySelector('.live .status').innerText.includes('left')")
    page.locator("#stop").click()
    wait_state(page, "stopped")
    page.locator("#stop").wait_for(state="hidden")
    page.locator("#start").wait_for()
    page.locator("#sample_it").click()
    page.wait_for_function(
        "name => document.querySelector('#checkpoint input').value.startsWith(name)", arg=studio.run.out.name
    )
    page.locator("#sheet img").wait_for()


def test_the_curve_survives_reload_and_a_closed_tab(train_page, studio, endless):
    run = endless()
    page = train_page()
    wait_run(page, run.out.name)
    wait_points(page, 4)
    page.reload()
    page.get_by_role("tab", name="Train").click()
    wait_run(page, run.out.name)
    wait_points(page, 4)
    page.close()
    step = studio.status().step
    deadline = time.monotonic() + 20
    while studio.status().step <= step and time.monotonic() < deadline:
        time.sleep(0.1)
    assert studio.status().step > step
    assert studio.status().state == "running"


def test_a_second_visitor_sees_the_whole_run_and_cannot_start_another(train_page, studio, endless):
    run = endless("cdcgan", owner="somebody")
    pages = train_page(), train_page()
    for page in pages:
        wait_run(page, run.out.name)
        wait_points(page, 3)
        assert not page.locator("#start").is_visible()
    with pytest.raises(Exception, match=r"cdcgan is being trained here, started by another visitor .* at step \d+ of"):
        endless("dcgan", owner="me")
    assert studio.run is run


def test_pause_resume_and_stop_take_effect_within_a_second(train_page, studio, endless):
    run = endless()
    page = train_page()
    wait_run(page, run.out.name)
    wait_points(page, 2)
    taken = {}
    for button, state in (("#pause", "paused"), ("#resume", "running"), ("#stop", "stopped")):
        page.locator(button).wait_for()
        begin = time.monotonic()
        page.locator(button).click()
        deadline = begin + 20
        while studio.status().state != state and time.monotonic() < deadline:
            time.sleep(0.01)
        taken[button] = time.monotonic() - begin
        wait_state(page, state)
        if state == "paused":
            step = studio.status().step
            time.sleep(1)
            assert studio.status().step == step
    print({k: f"{v:.2f} s" for k, v in taken.items()})
    assert max(taken.values()) < 3  # the promise is 1 s on idle cores


def test_back_through_the_epochs(train_page, studio, tiny):
    run = studio.start(tiny("dcgan", steps=None, epochs=3))
    page = train_page()
    wait_run(page, run.out.name)
    wait_state(page, "finished")
    newest = page.locator(".live .sheet img").get_attribute("src")
    slider = page.locator(".live input[type=range]")
    slider.focus()
    slider.press("Home")
    page.get_by_text("before training").wait_for()
    first = page.locator(".live .sheet img").get_attribute("src")
    assert first != newest
    slider.press("ArrowRight")
    page.get_by_text("after epoch 1").wait_for()
    slider.press("End")
    page.get_by_text("newest samples").wait_for()
    assert page.locator(".live .sheet img").get_attribute("src") == newest


def test_zoom_and_legend_are_kept_while_the_curve_grows(train_page, endless):
    run = endless()
    page = train_page()
    wait_run(page, run.out.name)
    wait_points(page, 8)
    page.evaluate("() => Plotly.relayout(document.querySelector('[data-plot=loss]'), {'xaxis.range': [2, 5]})")
    page.locator("[data-plot=loss] .legendtoggle").nth(1).click()
    n = points(page)
    wait_points(page, n + 3)
    assert page.evaluate("() => document.querySelector('[data-plot=loss]')._fullLayout.xaxis.range") == [2, 5]
    page.wait_for_function("() => document.querySelector('[data-plot=loss]')._fullData[1].visible === 'legendonly'")


def test_two_plots_stand_over_one_x_axis(train_page, endless):
    """Only the lower has its numbers, and zooming one zooms the other."""
    run = endless()
    page = train_page()
    wait_run(page, run.out.name)
    wait_points(page, 4)
    plots = "['loss', 'accuracy'].map(n => document.querySelector(`[data-plot=${n}]`))"
    assert page.evaluate(f"() => {plots}.map(p => p.querySelectorAll('.xtick').length > 0)") == [False, True]
    for zoomed, other in ((0, 1), (1, 0)):
        page.evaluate(f"() => Plotly.relayout({plots}[{zoomed}], {{'xaxis.range': [{2 + zoomed}, 5]}})")
        page.wait_for_function(f"() => `${{{plots}[{other}]._fullLayout.xaxis.range}}` === '{2 + zoomed},5'")


def test_a_plot_reaches_none_of_the_headings_around_it(train_page, endless):
    """However many curves its legend names, and however narrow it is."""
    run = endless("acgan")
    page = train_page()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        wait_run(page, run.out.name)
        wait_points(page, 4)
        page.wait_for_timeout(1000)
        sticking_out, clashing = page.evaluate("""() => {
          const box = e => e.getBoundingClientRect(), all = s => [...document.querySelectorAll(`.live .plots ${s}`)];
          const shown = all('.plot').filter(p => p.clientWidth), heads = all('h4, .hint').filter(h => h.clientWidth);
          const meet = (a, b) => a.top < b.bottom && b.top < a.bottom && a.left < b.right && b.left < a.right;
          const out = p => [...p.querySelectorAll('.legend, .xtitle, .xtick, .ytick')].filter(e => {
            const a = box(e), b = box(p);
            return a.top < b.top - 1 || a.bottom > b.bottom + 1 || a.left < b.left - 1 || a.right > b.right + 1;
          }).map(e => e.getAttribute('class'));
          const near = p => heads.filter(h => meet(box(p), box(h))).map(h => h.innerText);
          return [shown.flatMap(out), shown.flatMap(near)];
        }""")
        assert (sticking_out, clashing) == ([], [])
    assert page.locator("[data-plot=loss] .legendtoggle").count() >= 4


@pytest.mark.parametrize(
    ("knob", "value", "sentence"),
    [
        ("classes", "Hat", "There is no class 'Hat': choose from 0 T-shirt/top"),
        ("epochs", "-3", "epochs cannot be -3: it takes a whole number from 1 to 100000."),
        ("limit", "900000", "limit cannot be 900000: there are 600 pictures to choose from."),
    ],
)
def test_bad_input_is_one_sentence_in_a_toast(train_page, studio, knob, value, sentence):
    page = train_page()
    set_knob(page, knob, value)
    before = studio.run
    page.locator("#start").click()
    page.locator(".toast-body, .toast-wrap").get_by_text(sentence).first.wait_for()
    assert studio.run is before


def test_missing_data_is_told_in_the_preview_and_on_start(train_page, studio):
    page = train_page()
    page.locator("#data input").fill("/no/such/folder")
    page.locator("#data input").press("Enter")
    page.locator("#preview .sorry").get_by_text("There is no data called '/no/such/folder'").wait_for()
    page.locator("#start").click()
    page.locator(".toast-body, .toast-wrap").get_by_text("There is no data called").first.wait_for()


def test_a_run_that_diverges_says_so(train_page, studio, tiny, monkeypatch):
    monkeypatch.setattr(losses, "bce_g", lambda fake: fake.mean() * math.nan)
    run = studio.start(tiny("dcgan", steps=1_000_000))
    page = train_page()
    wait_run(page, run.out.name)
    wait_state(page, "failed")
    assert "diverged" in page.locator(".live .error").inner_text()
    page.locator("#start").wait_for()


def test_a_run_waits_its_turn_and_is_cancelled_on_the_page(train_page, studio, endless):
    run = endless()
    page = train_page()
    wait_run(page, run.out.name)
    set_knob(page, "epochs", 2)
    page.locator("#add").click()
    page.locator(".live .queue").get_by_text("Waiting: studio").wait_for()
    assert [w.recipe.epochs for w in studio.waiting] == [2]
    page.locator("#drop").click()
    page.locator("#queue").wait_for(state="hidden")
    assert studio.waiting == []
    assert studio.run is run


def test_a_zip_is_unpacked_looked_at_and_advised_on(train_page, studio, tmp_path):
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as zipped:
        for i in range(24):
            out = io.BytesIO()
            Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)).save(out, "PNG")
            zipped.writestr(f"all/{'hats' if i % 3 else 'gloves'}/{i}.png", out.getvalue())
        zipped.writestr("all/hats/broken.jpg", b"text")
    page = train_page()
    with page.expect_file_chooser() as chooser:
        page.locator("#zip").click()
    chooser.value.set_files(tmp_path / "mine.zip")
    page.locator("#preview").get_by_text("24 pictures, 28 x 28, color; they were 40 x 40").wait_for()
    page.locator("#preview").get_by_text("hats/broken.jpg (not a picture that can be read)").wait_for()
    page.locator("#advice").get_by_text("To begin with: studio, about").wait_for()
    page.locator("#use").click()
    page.wait_for_function("() => document.querySelector('#gan input').value === 'studio'")
    page.wait_for_function("() => document.querySelector('#knob_epochs input').value === '6000'")
    page.get_by_text("More settings").click()
    assert page.locator("#knob_augment input").input_value() == "colour,shift,cutout"
    assert page.locator("#knob_batch input").input_value() == "24"
    page.locator("#start").click()
    page.wait_for_function("() => document.querySelector('.live').dataset.state === 'running'")
    assert studio.run.recipe.labels == ("gloves", "hats")


def test_what_is_no_zip_is_one_sentence(train_page, tmp_path):
    (tmp_path / "mine.zip").write_bytes(b"no zip")
    page = train_page()
    with page.expect_file_chooser() as chooser:
        page.locator("#zip").click()
    chooser.value.set_files(tmp_path / "mine.zip")
    page.get_by_text("mine.zip is no ZIP file that can be read: pack it again.").wait_for()


def test_strangers_upload_no_data(visit, public_url):
    page = visit(public_url)
    page.get_by_role("tab", name="Train").click()
    page.locator(".live").wait_for()
    assert page.locator("#zip").count() == 0


def choose_start(page, name):
    page.locator("#knob_start_from input").click()
    page.get_by_role("option", name=name).first.click()


def test_a_run_starts_from_a_checkpoint_of_the_list(train_page, studio):
    """The checkpoint's GAN, sizes and rates are filled in; the page says what was taken, also after a reload."""
    page = train_page()
    choose_start(page, "lsgan (bundled)")
    page.wait_for_function("() => document.querySelector('#gan input').value === 'lsgan'")
    page.wait_for_function("() => document.querySelector('#knob_epochs input').value === '20'")
    page.get_by_text("More settings").click()
    set_knob(page, "steps", 400)
    before = studio.run
    page.locator("#start").click()
    page.wait_for_function(
        "old => { const r = document.querySelector('.live').dataset.run; return r && r !== old }",
        arg=before.out.name if before else "",
    )
    note = "Starts from lsgan: 100 % of the generator's weights and 100 % of the discriminator's are taken."
    page.locator(".live .remarks").get_by_text(note).wait_for()
    assert studio.run.recipe.start_note == note
    assert len(studio.run.recipe.start_sha256) == 64
    studio.stop()
    page.reload()
    page.get_by_role("tab", name="Train").click()
    page.locator(".live .remarks").get_by_text(note).wait_for()


def test_a_start_that_does_not_fit_is_one_sentence(train_page, studio):
    page = train_page()
    choose_start(page, "lsgan (bundled)")
    page.wait_for_function("() => document.querySelector('#gan input').value === 'lsgan'")
    page.get_by_text("More settings").click()
    set_knob(page, "width", 16)
    before = studio.run
    page.locator("#start").click()
    page.locator(".toast-body, .toast-wrap").get_by_text("No layer of lsgan fits this net").first.wait_for()
    assert studio.run is before
