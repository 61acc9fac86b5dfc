"""The training doctor: every remark provoked by a run that deserves it, and none for a run that does not."""

import json

import pytest
import torch

from fashiongan.errors import StudioError
from fashiongan.gans import sampling
from fashiongan.training import doctor, run_folder, run_log
from fashiongan.training.trainer import Trainer

DISCRIMINATOR, GENERATOR, ALIKE, CLIPPED, FEW = (
    "discriminator has won",
    "generator has won",
    "nearly alike",
    "clipping bound",
    "only ",
)
HEALTHY = {"d_accuracy_real": 0.8, "d_accuracy_fake": 0.8, "diversity": 0.9}


def said(remarks, *parts):
    """Whether these remarks, each known by a part of it, are made, and no others."""
    return len(remarks) == len(parts) and all(any(p in r for r in remarks) for p in parts)


# ---------------------------------------------------------------- examine(), on rows made by hand


def log(steps=500, every=10, **curves):
    """Rows as a run writes them; a curve is a value, or a function of the step."""
    values = {**HEALTHY, **curves}
    return [
        {"step": s, **{k: v(s) if callable(v) else v for k, v in values.items()}}
        for s in range(every, steps + 1, every)
    ]


def test_a_healthy_log_gets_no_remark():
    assert doctor.examine(log(), 1.0) == []
    assert doctor.examine([], 1.0) == []


@pytest.mark.parametrize(
    ("curves", "part", "knobs", "number"),
    [
        ({"d_accuracy_real": 0.99, "d_accuracy_fake": 1.0}, DISCRIMINATOR, ["lr_d", "lr_g"], "99 %"),
        ({"d_accuracy_fake": 0.04}, GENERATOR, ["lr_d", "d_steps"], "96 %"),
        ({"diversity": 0.2}, ALIKE, ["lr_g", "seed"], "20 %"),
        ({"d_clipped": 0.7}, CLIPPED, ["clip", "wgan-gp"], "70 %"),
    ],
)
def test_each_remark_gives_the_value_and_the_setting_to_change(curves, part, knobs, number):
    remarks = doctor.examine(log(**curves), 1.0)
    assert said(remarks, part)
    assert number in remarks[0]
    assert all(k in remarks[0] for k in knobs)
    assert remarks[0].endswith(".")
    assert "\n" not in remarks[0]


@pytest.mark.parametrize(
    ("curve", "well", "sick"),
    [
        ("d_accuracy_fake", doctor.D_LOSES + 1e-9, doctor.D_LOSES - 0.001),
        ("diversity", doctor.ALIKE + 1e-9, doctor.ALIKE - 0.001),
        ("d_clipped", doctor.CLIPPED - 1e-9, doctor.CLIPPED + 0.001),
    ],
)
def test_thresholds(curve, well, sick):
    assert doctor.examine(log(**{curve: well}), 1.0) == []
    assert len(doctor.examine(log(**{curve: sick}), 1.0)) == 1


def test_the_discriminator_has_won_only_if_it_is_right_on_both_sides():
    sure = {"d_accuracy_real": doctor.D_WINS + 0.001, "d_accuracy_fake": doctor.D_WINS + 0.001}
    assert said(doctor.examine(log(**sure), 1.0), DISCRIMINATOR)
    for side in sure:
        assert doctor.examine(log(**{**sure, side: doctor.D_WINS - 0.001}), 1.0) == []


def test_variety_is_measured_against_the_garments():
    assert doctor.examine(log(diversity=0.2), 0.5) == []
    assert said(doctor.examine(log(diversity=0.2), 2.0), ALIKE)


def test_several_remarks_at_once():
    rows = log(d_accuracy_real=1.0, d_accuracy_fake=1.0, diversity=0.01)
    assert said(doctor.examine(rows, 1.0), DISCRIMINATOR, ALIKE)


def test_a_critic_is_meant_to_stay_ahead():
    ahead = log(d_accuracy_real=1.0, d_accuracy_fake=1.0)
    behind = log(d_accuracy_fake=0.0)
    assert doctor.examine(ahead, 1.0, critic=True) == doctor.examine(behind, 1.0, critic=True) == []
    sick = log(d_accuracy_real=1.0, d_accuracy_fake=1.0, diversity=0.01, d_clipped=0.9)
    assert said(doctor.examine(sick, 1.0, critic=True), ALIKE, CLIPPED)


def test_no_remark_is_made_before_a_window_has_passed():
    sick = {"d_accuracy_fake": 0.0, "diversity": 0.01, "d_clipped": 1.0}
    rows = log(steps=doctor.WINDOW, **sick)
    assert doctor.examine(rows[:-1], 1.0) == []
    assert said(doctor.examine(rows, 1.0), GENERATOR, ALIKE, CLIPPED)


def test_what_lies_before_the_window_is_forgotten_and_what_lies_in_it_counts():
    cured = log(steps=2000, d_clipped=lambda s: 1.0 if s <= 2000 - doctor.WINDOW else 0.0)
    assert doctor.examine(cured, 1.0) == []
    half = log(steps=2000, d_accuracy_fake=lambda s: 0.0 if s > 2000 - doctor.WINDOW / 2 else 0.8)
    assert doctor.examine(half, 1.0) == [], "a stumble is not a fall"
    assert said(doctor.examine(log(steps=2000, d_accuracy_fake=lambda s: 0.0 if s > 1500 else 0.8), 1.0), GENERATOR)


def test_the_window_can_be_changed(monkeypatch):
    monkeypatch.setattr(doctor, "WINDOW", 50)
    rows = log(steps=100, diversity=lambda s: 0.01 if s > 50 else 0.9)
    assert said(doctor.examine(rows, 1.0), ALIKE)
    assert doctor.examine(rows[:4], 1.0) == []


def test_a_generator_that_still_gains_variety_is_left_alone():
    """A slow starter is alike on average, and its discriminator right about everything, while it learns (see runs of
    `gan`)."""
    for fake in (0.0, 1.0):
        climbing = log(d_accuracy_real=1.0, d_accuracy_fake=fake, diversity=lambda s: 0.001 * s)
        assert doctor.examine(climbing, 1.0) == []
    falling = log(d_accuracy_real=1.0, d_accuracy_fake=1.0, diversity=lambda s: 0.4 - 0.0008 * s)
    assert said(doctor.examine(falling, 1.0), DISCRIMINATOR, ALIKE)
    wobbling = log(diversity=lambda s: 0.1 + 0.05 * (s // 10 % 2))
    assert said(doctor.examine(wobbling, 1.0), ALIKE)


def test_curves_that_a_gan_does_not_draw_are_not_missed():
    assert doctor.examine([{"step": 600}], 1.0) == []
    assert said(doctor.examine([{"step": 600, "diversity": 0.0}], 1.0), ALIKE), "one row may span a whole window"


def test_rows_may_hold_words():
    """Rows of a log carry earlier remarks."""
    rows = [{**row, "remarks": ["something"]} for row in log()]
    assert doctor.examine(rows, 1.0) == []


# ---------------------------------------------------------------- missing_classes()


@pytest.fixture(scope="module")
def means(garments):
    return doctor.class_means(garments.images, garments.labels, range(10))


def of_classes(garments, wanted, n=64):
    kept = garments.images[torch.isin(garments.labels, torch.tensor(wanted))]
    return kept[torch.arange(n) % len(kept)]


def test_class_means_are_pictures_of_each_class(garments, means):
    assert means.shape == (10, 784)
    for c in range(10):
        assert torch.allclose(means[c], garments.images[garments.labels == c].float().flatten(1).mean(0), atol=1e-2)
    assert doctor.class_means(garments.images, garments.labels, (3, 7)).shape == (2, 784)


def test_real_garments_of_all_or_half_the_classes_get_no_remark(garments, means):
    assert doctor.missing_classes(garments.images[:64], means) == []
    assert doctor.missing_classes(of_classes(garments, [0, 2, 4, 6, 8]), means) == []


@pytest.mark.parametrize("wanted", [[9], [1, 5], [0, 3, 6, 8]])
def test_few_classes_are_counted(wanted, garments, means):
    (remark,) = doctor.missing_classes(of_classes(garments, wanted), means)
    assert f"only {len(wanted)} of the 10 classes" in remark
    assert "lr_g" in remark
    assert "batch" in remark
    assert "cdcgan" in remark


def test_too_few_classes_or_samples_get_no_remark(garments, means):
    alike = of_classes(garments, [4])
    assert doctor.missing_classes(alike[:39], means) == []
    assert doctor.missing_classes(alike[:40], means) != []
    assert doctor.missing_classes(alike, means[:3]) == []


# ---------------------------------------------------------------- real runs


@pytest.fixture(scope="module")
def run_of(tiny, garments, tmp_path_factory):
    """run_of(gan, **changes): (folder, ticks, trainer) of a run that is made once."""
    made = {}

    def make(gan, **changes):
        key = (gan, *sorted(changes.items()))
        if key not in made:
            out = tmp_path_factory.mktemp("run") / "run"
            trainer = run_folder.start(tiny(gan, **changes), out, loaded=garments)
            made[key] = out, list(run_folder.train(trainer, out, every=20)), trainer
        return made[key]

    return make


HELPLESS = {"lr_g": 1e-7, "lr_d": 2e-3, "steps": 600}  # a generator that cannot move
WELL = {"lr_g": 1e-3, "lr_d": 1e-4, "steps": 700}
COLLAPSED = {"lr_g": 1.0, "lr_d": 1.0, "steps": 570}


def first(ticks, part):
    return next((t.step for t in ticks if any(part in r for r in t.remarks)), None)


@pytest.mark.slow
def test_a_discriminator_that_learns_much_faster_has_won(run_of):
    _, ticks, _ = run_of("dcgan", **HELPLESS)
    assert doctor.WINDOW <= first(ticks, DISCRIMINATOR) < 600
    remark = next(r for r in ticks[-1].remarks if DISCRIMINATOR in r)
    assert "lr_d" in remark
    assert any(ALIKE in r for r in ticks[-1].remarks), "a generator that never moved draws gray"
    assert not any(GENERATOR in r for t in ticks for r in t.remarks)


@pytest.mark.slow
def test_a_discriminator_that_learns_much_slower_has_lost(run_of):
    _, ticks, _ = run_of("dcgan", lr_d=1e-7, steps=700)
    assert doctor.WINDOW <= first(ticks, GENERATOR) <= 700
    assert any("d_steps" in r for r in ticks[-1].remarks)
    assert not any(DISCRIMINATOR in r for t in ticks for r in t.remarks)


@pytest.mark.slow
def test_a_collapsed_run_draws_alike_and_of_few_classes(run_of):
    _, ticks, trainer = run_of("lsgan", **COLLAPSED)
    assert first(ticks, ALIKE) is not None
    assert any(ALIKE in r for r in ticks[-1].remarks)
    means = doctor.class_means(trainer.data.images, trainer.data.labels, trainer.recipe.trained)
    (remark,) = doctor.missing_classes(trainer.samples()[0], means)
    assert FEW in remark
    assert any("classes" in r for r in ticks[-1].remarks), "and the run said so itself"


@pytest.mark.slow
def test_a_generator_at_its_mean_latent_draws_few_classes(run_of):
    _, _, trainer = run_of("dcgan", **WELL)
    means = doctor.class_means(trainer.data.images, trainer.data.labels, trainer.recipe.trained)
    z, c = sampling.draw(trainer.gan, 64, 0)
    assert doctor.missing_classes(sampling.render(trainer.gan, z, c, trainer.average), means) == []
    (remark,) = doctor.missing_classes(sampling.render(trainer.gan, 0.02 * z, c, trainer.average), means)
    assert "of the 10 classes" in remark


@pytest.mark.slow
def test_a_healthy_run_ends_without_a_remark(run_of):
    out, ticks, _ = run_of("dcgan", **WELL)
    assert ticks[-1].step == 700
    assert ticks[-1].remarks == ()
    assert not any(part in r for t in ticks for r in t.remarks for part in (DISCRIMINATOR, GENERATOR, ALIKE, CLIPPED))
    assert run_log.read(out)[-1].remarks == ()


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "sick"), [({"clip": 1e-4, "lr_d": 1e-3}, True), ({}, False)])
def test_a_critic_at_its_bound(changes, sick, run_of):
    _, ticks, _ = run_of("wgan", **changes, steps=520, d_steps=1)
    assert (first(ticks, CLIPPED) is not None) is sick
    assert not any(part in r for t in ticks for r in t.remarks for part in (DISCRIMINATOR, GENERATOR)), "it is a critic"


def test_a_diverging_run_stops_and_names_the_knob(tiny, garments, tmp_path):
    recipe = tiny("lsgan", optimizer="sgd", lr_g=1.0, lr_d=1.0, steps=100)
    with pytest.raises(StudioError, match=r"diverged: d_loss is no longer a number at step \d+; .*learning rate"):
        list(run_folder.train(run_folder.start(recipe, tmp_path / "run", loaded=garments), tmp_path / "run", every=10))


@pytest.mark.slow
def test_remarks_are_in_the_ticks_and_in_the_log(run_of):
    out, ticks, _ = run_of("dcgan", **HELPLESS)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [t.step for t in ticks]
    assert [tuple(line.get("remarks", ())) for line in lines] == [t.remarks for t in ticks]
    assert all("remarks" not in line for line in lines if line["step"] < 38), "nothing is said before anything is known"


@pytest.mark.slow
def test_a_resumed_run_repeats_its_remarks_at_once(run_of, garments):
    """The window reaches back over the stop: the log before it is read again."""
    out, _, _ = run_of("dcgan", **HELPLESS)
    before = run_log.read(out)
    resumed = run_folder.resume(out, loaded=garments, steps=620)
    news = list(run_folder.train(resumed, out, every=1))
    assert news[0].step == 601
    assert any(DISCRIMINATOR in r for r in news[0].remarks)
    assert any(ALIKE in r for r in news[0].remarks)
    after = run_log.read(out)
    assert after[: len(before)] == before, "what was said before is kept"
    assert all(row.remarks for row in after[len(before) :])


@pytest.mark.slow
def test_a_window_of_few_steps_is_reread_when_resuming(tiny, garments, tmp_path, monkeypatch):
    """An interrupted run says what an uninterrupted one would have said."""
    monkeypatch.setattr(doctor, "WINDOW", 12)
    recipe = tiny("dcgan", lr_d=1e-7, steps=30)

    def remarks(ticks):
        return {t.step: tuple(r for r in t.remarks if "classes" not in r) for t in ticks}

    whole = tmp_path / "whole"
    want = remarks(run_folder.train(run_folder.start(recipe, whole, loaded=garments), whole, every=1))
    assert any(want.values())
    cut = tmp_path / "cut"
    news = run_folder.train(run_folder.start(recipe, cut, loaded=garments), cut, every=1)
    got = remarks(next(news) for _ in range(20))
    news.close()
    got |= remarks(run_folder.train(run_folder.resume(cut, loaded=garments), cut, every=1))
    assert got == want


@pytest.mark.slow
def test_the_doctor_changes_nothing_about_a_run(trainer_of, tiny, garments, tmp_path, same):
    plain = trainer_of("dcgan", steps=45, batch=8)
    assert isinstance(plain, Trainer)
    list(plain.run(every=5))
    kept = run_folder.start(tiny("dcgan", steps=45, batch=8), tmp_path / "run", loaded=garments)
    list(run_folder.train(kept, tmp_path / "run", every=5))
    assert same(plain.state_dict()[0], kept.state_dict()[0])
