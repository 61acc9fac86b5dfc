"""What all visitors share: the checkpoints, the data, and the one run."""

import time

import pytest
import torch

from fashiongan import limits
from fashiongan.errors import StudioError
from fashiongan.hub import registry
from fashiongan.studio import Curve, Studio, rights
from fashiongan.training import run_folder, run_log


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


@pytest.fixture
def studio(tmp_path, idx_root):
    studio = Studio(tmp_path / "runs", data_root=str(idx_root), device="cpu")
    yield studio
    studio.waiting.clear()
    studio.stop()


def test_a_run_ends_as_a_checkpoint_that_can_be_sampled(studio, tiny):
    assert studio.status().state == "idle"
    run = studio.start(tiny("cdcgan", steps=20))
    until(lambda: studio.status().state == "finished")
    status = studio.status()
    assert (status.gan, status.step, status.steps, status.error) == ("cdcgan", 20, 20, None)
    assert status.checkpoint == run.out.as_posix()
    assert status.checkpoint in studio.names()
    assert studio.gan(status.checkpoint).sample_images(3, 0).shape == (3, 1, 28, 28)


def test_one_run_at_a_time_and_the_refusal_names_the_other(studio, tiny):
    studio.start(tiny("dcgan", steps=1_000_000), owner="a")
    for owner, who in (("a", "you"), ("b", "another visitor"), ("", "another visitor")):
        with pytest.raises(StudioError, match=rf"dcgan is being trained here, started by {who} \d+ min ago"):
            studio.start(tiny("cdcgan"), owner=owner)
    studio.pause()
    assert studio.status().state == "paused"
    with pytest.raises(StudioError, match="being trained here"):
        studio.start(tiny("cdcgan"))


def test_a_refused_start_leaves_the_run_before_on_show(studio, tiny):
    run = studio.start(tiny("dcgan", steps=2))
    until(lambda: not run.alive)
    with pytest.raises(StudioError, match="batch cannot be 700"):
        studio.start(tiny("dcgan", batch=700))
    assert studio.run is run


@pytest.mark.slow
def test_stopping_saves_and_a_resumed_run_has_the_whole_curve(studio, tiny):
    run = studio.start(tiny("dcgan", steps=1_000_000))
    until(lambda: run.newest.get("step", 0) > 3)
    studio.stop()
    step = int(run.newest["step"])
    assert run_log.read(run.out)[-1].step == step
    studio.go_on()
    until(lambda: studio.status().step > step)
    steps = studio.run.curve.columns["step"]
    assert steps == sorted(set(steps))
    assert steps[0] == 1


def test_a_finished_run_is_not_resumed(studio, tiny):
    run = studio.start(tiny("dcgan", steps=2))
    until(lambda: not run.alive)
    with pytest.raises(StudioError, match="has reached its last step"):
        studio.go_on()


def test_nothing_to_resume(studio):
    with pytest.raises(StudioError, match="no run to resume"):
        studio.go_on()
    studio.pause()
    studio.stop()


@pytest.mark.slow
def test_a_killed_studio_shows_its_run_again_and_resumes_it(tmp_path, idx_root, fork_python):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from fashiongan import gans; from fashiongan.studio import Studio\n"
        "s = Studio(Path(sys.argv[1]), data_root=sys.argv[2], device='cpu')\n"
        "s.start(gans.new_recipe('dcgan', width=8, z_dim=16, batch=16, steps=1000000)); time.sleep(600)\n"
    )
    process = fork_python("-c", script, tmp_path / "runs", idx_root)
    log = tmp_path / "runs" / "dcgan-1" / "checkpoint.safetensors"
    until(log.exists)
    process.kill()
    process.wait()
    studio = Studio(tmp_path / "runs", data_root=str(idx_root), device="cpu")
    status = studio.status()
    assert (status.state, status.gan, status.steps) == ("stopped", "dcgan", 1_000_000)
    assert status.step > 0
    update = studio.updates("", -1, 0, -1)
    assert update.columns["step"][-1] == status.step
    assert update.sheet.startswith(b"\x89PNG")
    studio.go_on()
    until(lambda: studio.status().step > status.step)
    studio.stop()


def test_the_newest_file_of_a_name_is_what_is_sampled(studio, tiny):
    run = studio.start(tiny("dcgan", steps=3))
    until(lambda: not run.alive)
    name = run.out.as_posix()
    first = studio.gan(name)
    assert studio.gan(name) is first  # cached
    trainer = run_folder.resume(run.out, loaded=studio.garments("fashion-mnist", 28), steps=6)
    list(run_folder.train(trainer, run.out))
    again = studio.gan(name)
    assert again is not first
    assert not torch.equal(again.sample_images(2, 0), first.sample_images(2, 0))


@pytest.mark.parametrize("name", ["", "nosuch", "../checkpoints/dcgan", "/etc/passwd"])
def test_only_listed_checkpoints_are_opened(studio, name):
    with pytest.raises(StudioError, match="There is no checkpoint"):
        studio.gan(name)


def test_bundled_checkpoints_are_listed_first(studio):
    assert studio.names()[: len(registry.bundled())] == registry.bundled()


@pytest.mark.slow
def test_a_status_sends_only_new_points(studio, tiny):
    run = studio.start(tiny("dcgan", steps=None, epochs=2))
    until(lambda: not run.alive)
    everything = studio.updates("", -1, 0, -1)
    n = len(everything.columns["step"])
    assert n > 2
    assert everything.first == 0
    assert everything.epochs == (0, 1, 2)
    assert everything.sheet
    rest = studio.updates(run.out.name, everything.generation, n - 1, everything.sheets)
    assert rest.first == n - 1
    assert rest.columns["step"] == everything.columns["step"][-1:]
    assert rest.sheet is None
    assert studio.epoch_sheet(1) != studio.epoch_sheet(0)
    assert studio.epoch_sheet(99) is None


def test_a_long_curve_is_thinned_by_averaging_neighbors_with_a_remark():
    curve = Curve()
    for i in range(limits.ROWS - 1):
        curve.append({"step": i, "d_loss": float(i % 2)})
    generation = curve.generation
    curve.append({"step": limits.ROWS - 1, "d_loss": float((limits.ROWS - 1) % 2)})
    first, columns = curve.since(generation, limits.ROWS - 1)
    assert first == 0
    assert len(columns["step"]) == limits.ROWS // 2
    assert columns["step"][:3] == [1, 3, 5]
    assert columns["step"][-1] == limits.ROWS - 1
    assert set(columns["d_loss"]) == {0.5}


@pytest.mark.parametrize("row", [-1, 7, 10**9])
def test_a_reader_who_claims_rows_there_are_not_gets_all(row):
    curve = Curve()
    for i in range(3):
        curve.append({"step": i})
    assert curve.since(curve.generation, row) == (0, {"step": [0, 1, 2]})


def test_queued_runs_follow_one_another_and_can_be_cancelled(studio, tiny):
    studio.start(tiny("dcgan", steps=1_000_000))
    studio.enqueue(tiny("lsgan", steps=3))
    studio.enqueue(tiny("cgan", steps=3))
    studio.enqueue(tiny("wgan", steps=3))
    queue = studio.status().queue
    assert [w.gan for w in queue] == ["lsgan", "cgan", "wgan"]
    assert queue[0].command.startswith("python train.py lsgan")
    studio.cancel(queue[1].number)
    with pytest.raises(StudioError, match="not waiting any more"):
        studio.cancel(queue[1].number)
    assert studio.status().gan == "dcgan"
    studio.stop()
    until(lambda: studio.status().gan == "wgan" and studio.status().state == "finished")
    assert studio.status().queue == ()
    assert sorted(p.name for p in studio.folder.iterdir()) == ["dcgan-1", "lsgan-1", "wgan-1"]


def test_queueing_on_an_idle_studio_starts_at_once(studio, tiny):
    studio.enqueue(tiny("dcgan", steps=3))
    until(lambda: studio.status().state == "finished")


def test_a_bad_recipe_is_refused_before_it_waits(studio, tiny):
    studio.start(tiny("dcgan", steps=1_000_000))
    with pytest.raises(StudioError, match="batch cannot be 700"):
        studio.enqueue(tiny("dcgan", batch=700))
    assert studio.status().queue == ()


def test_a_waiting_run_that_cannot_start_is_skipped_and_reported(studio, tiny, tmp_path):
    studio.start(tiny("dcgan", steps=1_000_000))
    studio.enqueue(tiny("lsgan", steps=3))
    studio.enqueue(tiny("cgan", steps=3))
    (tmp_path / "runs" / "lsgan-1").write_text("a file where the folder should be", encoding="utf-8")
    studio.runs.free_name = lambda gan: f"{gan}-1"
    studio.stop()
    until(lambda: studio.status().gan == "cgan" and studio.status().state == "finished")
    assert any("lsgan was skipped" in remark for remark in studio.status().remarks)


def test_the_queue_is_bounded(studio, tiny, monkeypatch):
    monkeypatch.setattr("fashiongan.limits.QUEUE", 1)
    studio.start(tiny("dcgan", steps=1_000_000))
    studio.enqueue(tiny("lsgan"))
    with pytest.raises(StudioError, match="queue is full"):
        studio.enqueue(tiny("lsgan"))


def test_a_run_starts_from_listed_checkpoints_only(studio, tiny, tmp_path):
    (tmp_path / "hidden.safetensors").write_bytes(studio.path("dcgan").read_bytes())
    sizes = {"width": 64, "z_dim": 100, "steps": 3}
    for start in (studio.start, studio.enqueue):
        with pytest.raises(StudioError, match=r"There is no checkpoint .* here"):
            start(tiny("dcgan", start_from="hidden.safetensors", **sizes))
    with pytest.raises(StudioError, match="There is no checkpoint"):
        studio.recipe_from("hidden.safetensors")
    run = studio.start(studio.recipe_from("dcgan").replace(batch=16, steps=3))
    until(lambda: studio.status().state == "finished")
    assert studio.status().remarks[0].startswith("Starts from dcgan: 100 % of the generator's weights")
    again = studio.start(studio.recipe_from(run.out.as_posix()).replace(batch=16, steps=3))
    assert again.recipe.start_from == run.out.as_posix()


def test_a_start_that_does_not_fit_is_refused_before_it_waits(studio, tiny):
    studio.start(tiny("dcgan", steps=1_000_000))
    with pytest.raises(StudioError, match="cdcgan cannot start from studio"):
        studio.enqueue(tiny("cdcgan", start_from="studio"))
    assert studio.waiting == []


def test_a_visitor_starts_from_nothing(tiny):
    with pytest.raises(StudioError, match="Start from must be left as it is in a visitor's run"):
        rights.check_budget(tiny("dcgan", start_from="dcgan"))
