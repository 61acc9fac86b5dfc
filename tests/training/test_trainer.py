"""The training loop: averages, schedules, epochs and curves, against arithmetic done here."""

import dataclasses

import pytest
import torch

from fashiongan import gans
from fashiongan.data import datasets
from fashiongan.data.datasets import Dataset
from fashiongan.errors import StudioError
from fashiongan.training import trainer as loop
from fashiongan.training.trainer import Trainer


def blank(n):
    return Dataset(torch.zeros(n, 1, 28, 28, dtype=torch.uint8), torch.arange(n) % 10, datasets.CLASSES, "nowhere")


def without_training(gan, n, **changes):
    """A trainer whose updates only count, for arithmetic over many steps."""
    trainer = Trainer(*datasets.prepare(gans.new_recipe(gan, width=8, z_dim=16, **changes), loaded=blank(n)))

    def count():
        trainer.sums = {"d_loss": torch.tensor(1.0), "g_loss": torch.tensor(1.0)}
        trainer.counts = {"d_loss": 1, "g_loss": 1}
        trainer.step += 1

    trainer.update = count
    return trainer


def test_the_average_is_a_moving_average_with_a_growing_decay(trainer_of):
    trainer = trainer_of("dcgan", ema=0.25)
    average = {k: v.clone() for k, v in trainer.average.state_dict().items()}
    for t in range(1, 7):
        trainer.update()
        memory = min(0.25, t / (t + 10))  # 1/11, 2/12, 3/13, then 0.25 from t = 4
        for k, now in trainer.gan.G.state_dict().items():
            average[k] = memory * average[k] + (1 - memory) * now if now.is_floating_point() else now
        for k, v in trainer.average.state_dict().items():
            torch.testing.assert_close(v, average[k], rtol=1e-5, atol=1e-7)


def test_the_average_starts_as_g_and_is_never_trained(trainer_of, same):
    trainer = trainer_of("dcgan")
    assert same(trainer.average.state_dict(), trainer.gan.G.state_dict())
    assert not trainer.average.training
    assert not any(p.requires_grad for p in trainer.average.parameters())
    mine = {id(p) for p in trainer.average.parameters()}
    for opt in (trainer.opt_d, trainer.opt_g):
        assert not mine & {id(p) for group in opt.param_groups for p in group["params"]}


def rates(trainer):
    results = []
    for _ in range(trainer.steps):
        trainer.update()
        results.append((trainer.opt_d.param_groups[0]["lr"], trainer.opt_g.param_groups[0]["lr"]))
    return results


def test_a_constant_schedule(trainer_of):
    assert rates(trainer_of("dcgan", steps=3, lr_d=4e-4, lr_g=1e-4)) == [(4e-4, 1e-4)] * 3


def test_a_linear_schedule_falls_over_the_second_half(trainer_of):
    result = rates(trainer_of("dcgan", steps=8, lr_d=4e-4, lr_g=1e-4, schedule="linear"))
    expected = [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert [d for d, _ in result] == pytest.approx([4e-4 * f for f in expected])
    assert [g for _, g in result] == pytest.approx([1e-4 * f for f in expected])


@pytest.mark.parametrize(
    ("pictures", "changes", "steps"),
    [
        (60_000, {"batch": 128, "epochs": 1}, 469),
        (60_000, {"batch": 128, "epochs": 20}, 9375),
        (60_000, {"batch": 100, "epochs": 2}, 1200),
        (60_000, {"batch": 128, "epochs": 20, "d_steps": 5}, 1875),
        (60_000, {"batch": 128, "steps": 7}, 7),
    ],
)
def test_steps_of_an_epoch(pictures, changes, steps):
    assert without_training("dcgan", pictures, **changes).steps == steps


def test_epochs_end_when_every_picture_has_been_seen():
    trainer = without_training("dcgan", 60_000, batch=128, epochs=2)
    ticks = [t for t in trainer.run(every=10**9) if t.ended]
    assert [(t.step, t.ended) for t in ticks] == [(469, 1), (938, 2)]
    assert ticks[0].epoch == pytest.approx(469 * 128 / 60_000)


def test_ticks_come_at_a_pace_without_every(monkeypatch):
    trainer = without_training("dcgan", 600, batch=2, steps=40)
    clock = iter(range(10**6))
    monkeypatch.setattr(loop, "perf_counter", lambda: next(clock) / 10)
    steps = [t.step for t in trainer.run(pace=1.0)]
    assert steps[0] == 1
    assert steps[-1] == 40
    assert 3 <= len(steps) <= 6


def test_speed_and_seconds_leave_out_what_the_reader_does(monkeypatch):
    trainer = without_training("dcgan", 600, batch=100, steps=2, d_steps=2)
    now = [0.0]
    count = trainer.update
    trainer.update = lambda: (count(), now.__setitem__(0, now[0] + 4.0))
    monkeypatch.setattr(loop, "perf_counter", lambda: now[0])
    results = []
    for tick in trainer.run(every=1):
        results.append((tick.seconds, tick.images_per_second))
        now[0] += 1000.0
    assert results == [(4.0, 50.0), (8.0, 50.0)]


@pytest.mark.parametrize("player", ["d_loss", "g_loss"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_divergence_is_an_error_that_names_it(player, bad, trainer_of):
    trainer = trainer_of("dcgan")
    original = getattr(trainer.gan, player)

    def broken(b):
        loss = original(b)
        return loss._replace(terms={k: v + bad for k, v in loss.terms.items()}) if b.step == 3 else loss

    setattr(trainer.gan, player, broken)
    ticks = trainer.run(every=1)
    assert [next(ticks).step for _ in range(3)] == [1, 2, 3]
    with pytest.raises(StudioError, match=f"diverged: {player} is no longer a number at step 4.*learning rate"):
        next(ticks)


def scripted(trainer, d_values, g_values):
    """Give the players losses by a list instead of their own."""
    d, g = iter(d_values), iter(g_values)
    anchor_d = next(trainer.gan.D.parameters())
    anchor_g = next(trainer.gan.G.parameters())
    from fashiongan.gans.base import Loss

    def d_loss(b):
        value = next(d)
        return Loss({"a": 0 * anchor_d.sum() + value, "b": 0 * anchor_d.sum() + 1.0}, {"d_note": torch.tensor(value)})

    def g_loss(b):
        return Loss({"adv": 0 * anchor_g.sum() + next(g)})

    trainer.gan.d_loss, trainer.gan.g_loss = d_loss, g_loss


def test_curves_are_means_since_the_last_tick(trainer_of):
    trainer = trainer_of("dcgan", steps=3, d_steps=2)
    scripted(trainer, [1.0, 3.0, 5.0, 7.0, 9.0, 11.0], [10.0, 20.0, 40.0])
    ticks = list(trainer.run(every=3))
    assert [t.step for t in ticks] == [1, 3]
    assert ticks[0].losses == pytest.approx({"d_loss": 3.0, "d_a": 2.0, "d_b": 1.0, "d_note": 2.0, "g_loss": 10.0})
    assert ticks[1].losses == pytest.approx({"d_loss": 9.0, "d_a": 8.0, "d_b": 1.0, "d_note": 8.0, "g_loss": 30.0})


def test_the_sum_of_the_terms_is_minimized(trainer_of):
    trainer = trainer_of("dcgan", optimizer="rmsprop", lr_d=0.01)
    weight = trainer.gan.D.judge.weight
    from fashiongan.gans.base import Loss

    before = weight.detach().clone()
    trainer.move("d", trainer.opt_d, Loss({"up": 3 * weight.sum(), "down": -weight.sum()}))
    assert torch.equal(weight.grad, torch.full_like(weight, 2.0))
    assert (weight < before).all()


def test_optimizers_follow_the_recipe(trainer_of):
    adam = trainer_of("dcgan", lr_g=1e-3, lr_d=1e-4, beta1=0.1, beta2=0.9)
    assert isinstance(adam.opt_g, torch.optim.Adam)
    assert (adam.opt_g.defaults["lr"], adam.opt_d.defaults["lr"]) == (1e-3, 1e-4)
    assert adam.opt_d.defaults["betas"] == (0.1, 0.9)
    rms = trainer_of("dcgan", optimizer="rmsprop")
    assert isinstance(rms.opt_g, torch.optim.RMSprop)
    assert isinstance(rms.opt_d, torch.optim.RMSprop)
    assert [t.step for t in rms.run(every=6)] == [1, 6]


def test_d_is_still_during_gs_turn_and_g_during_ds(trainer_of):
    trainer = trainer_of("dcgan", d_steps=2)
    seen = []
    move = trainer.move

    def watched(player, opt, loss):
        before = {p: {k: v.clone() for k, v in getattr(trainer.gan, p).named_parameters()} for p in "GD"}
        frozen = [not any(p.requires_grad for p in trainer.gan.D.parameters())]
        move(player, opt, loss)
        changed = [
            p
            for p in "GD"
            if any(not torch.equal(v, before[p][k]) for k, v in getattr(trainer.gan, p).named_parameters())
        ]
        seen.append((player, changed, *frozen))

    trainer.move = watched
    trainer.update()
    assert seen == [("d", ["D"], False), ("d", ["D"], False), ("g", ["G"], True)]
    assert all(p.requires_grad for p in trainer.gan.D.parameters())


def test_each_players_turn_has_noise_of_its_own(trainer_of):
    trainer = trainer_of("dcgan", d_steps=2)
    drawn = []
    d_loss, g_loss = trainer.gan.d_loss, trainer.gan.g_loss
    trainer.gan.d_loss = lambda b: drawn.append(b.z) or d_loss(b)
    trainer.gan.g_loss = lambda b: drawn.append(b.z) or g_loss(b)
    trainer.update()
    trainer.update()
    assert len(drawn) == 6
    assert len({tuple(z.flatten().tolist()) for z in drawn}) == 6


def test_samples_come_from_the_same_noise_all_run(trainer_of):
    trainer = trainer_of("dcgan")
    first, columns = trainer.samples()
    assert (len(first), columns) == (64, 8)
    state = trainer.rng.get_state()
    assert torch.equal(trainer.samples()[0], first)
    assert torch.equal(trainer.rng.get_state(), state)
    trainer.update()
    assert not torch.equal(trainer.samples()[0], first)


@pytest.mark.parametrize("name", ["mps", "mps:0", "xpu"])
def test_devices_that_would_give_wrong_results_are_refused_where_they_are_there(name, monkeypatch):
    empty = torch.empty
    monkeypatch.setattr(loop.torch, "empty", lambda *size, device=None: empty(*size))  # as on a Mac
    with pytest.raises(StudioError, match=r"would give wrong results.*cpu and cuda"):
        loop.pick_device(name)


def test_devices():
    assert loop.pick_device("cpu") == "cpu"
    assert loop.pick_device("auto") in ("cpu", "cuda")
    for name in ("toaster", "cuda:99", "meta:x", ""):
        with pytest.raises(StudioError, match="no device"):
            loop.pick_device(name)


def test_a_balanced_run_sees_rare_classes_as_often(tiny, garments):
    lopsided = dataclasses.replace(garments, labels=(garments.labels == 0).long(), names=("others", "rare"))
    seen = []
    for balance in ("as found", "even"):
        trainer = Trainer(*datasets.prepare(tiny("cdcgan", balance=balance, batch=100), loaded=lopsided))
        seen.append(sum(trainer.batch(i).y.sum().item() for i in range(6)))
    assert seen == [60, 300]
