"""Run folders: what they hold, and that no way of dying loses or changes a run."""

import itertools
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from few import LEAST, few
from PIL import Image

from fashiongan import checkpoint, files
from fashiongan.errors import StudioError
from fashiongan.training import run_folder, run_log


def pixels(out):
    return [Image.open(p).tobytes() for p in run_folder.epochs(out)]


def tensors_in(path):
    with checkpoint.opened(path) as (f, _):
        return {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118  f is no dict


def logged(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def train(tiny, pictures_of, tmp_path):
    """train(name, **changes): a finished run in tmp_path/name; 38 steps are an epoch."""

    def go(name="run", gan="dcgan", every=None, **changes):
        out = tmp_path / name
        for _ in run_folder.train(run_folder.start(tiny(gan, **changes), out, loaded=pictures_of(gan)), out, every):
            pass
        return out

    return go


def test_a_run_folder_holds_every_file(train):
    out = train(steps=None, epochs=2)
    assert {"recipe.json", "log.jsonl", "samples", "training.gif", "checkpoint.safetensors"} <= {
        p.name for p in out.iterdir()
    }
    assert not list(out.rglob("*.part"))
    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["gan"] == "dcgan"
    assert recipe["width"] == 8
    assert recipe["labels"][9] == "Ankle boot"
    lines = logged(out)
    assert all({"step", "epoch", "d_loss", "g_loss", "images_per_second"} <= line.keys() for line in lines)
    assert [line["step"] for line in lines] == sorted({line["step"] for line in lines})
    assert lines[0]["step"] == 1
    assert lines[-1]["step"] == 75
    assert lines[-1]["epoch"] == 2.0
    assert sorted(p.name for p in (out / "samples").iterdir()) == ["epoch_000.png", "epoch_001.png", "epoch_002.png"]
    with Image.open(out / "training.gif") as gif:
        assert gif.format == "GIF"
        assert gif.n_frames == 3
        assert gif.size == Image.open(out / "samples/epoch_001.png").size
    info = checkpoint.info(out)
    assert info.step == 75
    assert info.epochs == 2.0
    assert info.log["step"] == 75
    assert info.command == "python train.py dcgan --epochs 2 --batch 16 --z-dim 16 --width 8"


@pytest.mark.parametrize("gan", few(chosen=LEAST))
def test_sample_sheets_come_from_one_fixed_noise(gan, train, tmp_path):
    """The last sheet is the checkpoint's picture of the recipe's seed; a run twice as long has the same first one."""
    short, long = (train(f"{n}", gan, steps=None, epochs=n, schedule="constant", limit=100) for n in (1, 2))
    first = "samples/epoch_001.png"
    assert Image.open(short / first).tobytes() == Image.open(long / first).tobytes()
    model = checkpoint.load(short)
    from fashiongan.data import sheets
    from fashiongan.latent import spec

    columns = spec.columns(model, spec.SampleSpec("", 64))
    sheet = sheets.sheet(model.sample_images(columns * 8, model.recipe.seed), columns)
    assert sheet.tobytes() == Image.open(short / first).convert(sheet.mode).tobytes()


def test_a_new_run_does_not_enter_an_old_ones_folder(train, tiny, garments):
    out = train()
    before = (out / "recipe.json").read_bytes()
    with pytest.raises(StudioError, match=r"already holds a run.*--resume"):
        run_folder.start(tiny("cdcgan"), out, loaded=garments)
    assert (out / "recipe.json").read_bytes() == before


@pytest.mark.slow
def test_a_folder_is_trained_by_one_process_at_a_time(tiny, garments, tmp_path, forked):
    out = tmp_path / "run"
    news = run_folder.train(run_folder.start(tiny("dcgan"), out, loaded=garments), out, every=1)
    next(news)
    child = (
        "import sys; from pathlib import Path; from fashiongan.training import run_folder\n"
        "from fashiongan.errors import StudioError\n"
        "try: next(run_folder.train(run_folder.resume(Path('run')), Path('run')))\n"
        "except StudioError as e: sys.exit(str(e))"
    )
    code, _, err = forked("-c", child)
    assert code == 1
    assert "is being trained by another process" in err
    assert "Traceback" not in err
    assert [t.step for t in news] == [2, 3, 4, 5, 6]
    assert [t.step for t in run_folder.train(run_folder.resume(out, loaded=garments, steps=7), out, every=1)] == [7], (
        "lock is released"
    )


def test_extending_a_run_that_is_in_use_changes_nothing(tiny, garments, tmp_path):
    out = tmp_path / "run"
    news = run_folder.train(run_folder.start(tiny("dcgan"), out, loaded=garments), out, every=1)
    next(news)
    before = (out / "recipe.json").read_bytes()
    with pytest.raises(StudioError, match="another process"):
        next(run_folder.train(run_folder.resume(out, loaded=garments, steps=100), out))
    assert (out / "recipe.json").read_bytes() == before


@pytest.mark.slow
def test_resuming_with_more_epochs_goes_further(train, garments, same):
    whole = train("whole", steps=None, epochs=3)
    out = train(steps=None, epochs=1)
    trainer = run_folder.resume(out, loaded=garments, epochs=3)
    assert (trainer.step, trainer.steps) == (38, 113)
    for _ in run_folder.train(trainer, out):
        pass
    assert same(tensors_in(out / "state.safetensors"), tensors_in(whole / "state.safetensors"))
    assert json.loads((out / "recipe.json").read_text(encoding="utf-8"))["epochs"] == 3
    assert [p.name for p in run_folder.epochs(out)] == [f"epoch_{i:03d}.png" for i in range(4)]
    assert Image.open(out / "training.gif").n_frames == 4


def test_resuming_a_finished_run_leaves_it_as_it_is(train, garments):
    out = train()
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert list(run_folder.train(run_folder.resume(out, loaded=garments), out)) == []
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_a_stopped_run_can_be_sampled_and_shows_its_gif(tiny, garments, tmp_path):
    out = tmp_path / "run"
    news = run_folder.train(run_folder.start(tiny("dcgan", steps=50), out, loaded=garments), out, every=1)
    for tick in news:
        if tick.step == 3:
            break
    news.close()
    assert checkpoint.info(out).step == 3
    assert checkpoint.load(out).sample_images(2, 0).shape == (2, 1, 28, 28)
    assert (out / "training.gif").exists()
    assert [line["step"] for line in logged(out)] == [1, 2, 3]
    assert run_folder.resume(out, loaded=garments).step == 3


@pytest.mark.parametrize("tail", ['{"step": 7, "epo', "\x00\x00\x00", "7\n", '{"epoch": 1}\n', "\udcff\udcfe"])
def test_a_log_cut_off_by_a_kill_is_survived(tail, train, garments):
    out = train(every=1)
    with (out / "log.jsonl").open("a", errors="surrogateescape", encoding="utf-8") as log:
        log.write(tail)
    for _ in run_folder.train(run_folder.resume(out, loaded=garments, steps=8), out, every=1):
        pass
    assert [line["step"] for line in logged(out)] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_log_lines_beyond_the_saved_state_are_made_again(train, garments):
    out = train(every=1)
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 7, "d_loss": 1}\n{"step": 8, "d_loss": 1}\n')
    (out / "samples" / "epoch_001.png").write_bytes(b"of the future")
    for _ in run_folder.train(run_folder.resume(out, loaded=garments, steps=8), out, every=1):
        pass
    assert [line["step"] for line in logged(out)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [p.name for p in run_folder.epochs(out)] == ["epoch_000.png"]


def test_resuming_a_folder_without_a_run_is_refused(tmp_path):
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(StudioError, match="no run to resume"):
            run_folder.resume(path)
    (tmp_path / "recipe.json").write_text('{"gan": "dcgan"', encoding="utf-8")
    with pytest.raises(StudioError, match="recipe"):
        run_folder.resume(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "foreign", "checkpoint", "other recipe", "rng"])
def test_a_damaged_state_is_named(damage, train, garments):
    out = train()
    state = out / "state.safetensors"
    if damage == "cut":
        state.write_bytes(state.read_bytes()[:-5])
    elif damage == "foreign":
        state.write_bytes(b"hello")
    elif damage == "checkpoint":
        state.write_bytes((out / "checkpoint.safetensors").read_bytes())
    elif damage == "other recipe":
        state.write_bytes((train("other", width=16) / "state.safetensors").read_bytes())
    elif damage == "rng":
        tensors = tensors_in(state)
        tensors["rng"] = torch.zeros(3)
        checkpoint.write(state, tensors, {"numbers": '{"step": 6, "seconds": 1.0}'})
    with pytest.raises(StudioError, match=r"state.safetensors"):
        run_folder.resume(out, loaded=garments)


def test_a_diverging_run_stops_loudly_and_keeps_what_was_good(tiny, garments, tmp_path):
    out = tmp_path / "run"
    trainer = run_folder.start(tiny("dcgan", steps=50, batch=300), out, loaded=garments)  # saved every second step
    news = run_folder.train(trainer, out, every=1)
    assert [next(news).step for _ in range(2)] == [1, 2]
    torch.nn.init.constant_(trainer.gan.G.project.weight, float("nan"))
    with pytest.raises(StudioError, match=r"diverged.*at step 3"):
        next(news)
    assert [line["step"] for line in logged(out)] == [1, 2]
    assert run_folder.resume(out, loaded=garments).step == 2
    assert all(v.isfinite().all() for v in tensors_in(out / "state.safetensors").values())


def test_a_full_disk_keeps_the_last_state(tiny, garments, tmp_path, monkeypatch):
    out = tmp_path / "run"
    news = run_folder.train(run_folder.start(tiny("dcgan", steps=50, batch=300), out, loaded=garments), out, every=2)
    next(news)
    next(news)
    before = (out / "state.safetensors").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StudioError, match="No space is left"):
        next(news)
    assert checkpoint.info(out).step == 2
    assert (out / "state.safetensors").read_bytes() == before
    assert not list(out.rglob("*.part"))
    monkeypatch.undo()
    assert run_folder.resume(out, loaded=garments).step == 2


class Killed(BaseException):
    """The process dies here: nothing after it happens, no handler of the code's own runs."""


def dying(monkeypatch, at, after):
    """Make the at-th file written the last thing this process does, before or after it reaches its name."""
    counter, write = itertools.count(), files.write

    def fatal(path, content):
        fate = next(counter)
        if fate > at:
            raise Killed
        if fate == at:
            if after:
                write(path, content)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_name(path.name + ".part").write_bytes(content[: len(content) // 2])
            raise Killed
        write(path, content)

    monkeypatch.setattr(files, "write", fatal)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["while writing", "after writing"])
def test_dying_at_any_write_changes_nothing(after, train, tiny, garments, tmp_path, monkeypatch, same):
    """Die at the first write, at the second ...: each resumed run ends as the one that was left in peace."""
    changes = {"steps": None, "epochs": 3, "batch": 200}
    whole = train("whole", every=2, **changes)
    state, final = tensors_in(whole / "state.safetensors"), tensors_in(whole / "checkpoint.safetensors")
    sheets = pixels(whole)
    for at in itertools.count(1):  # write 0 is recipe.json: before it there is no run
        out = tmp_path / f"killed-{at}"
        trainer = run_folder.start(tiny("dcgan", **changes), out, loaded=garments)
        with monkeypatch.context() as patch:
            dying(patch, at - 1, after)
            try:
                for _ in run_folder.train(trainer, out, every=2, save_every=0):
                    pass
                died = False
            except Killed:
                died = True
        if not died:
            break
        for _ in run_folder.train(run_folder.resume(out, loaded=garments), out, every=2):
            pass
        assert same(tensors_in(out / "state.safetensors"), state), f"write {at}"
        assert same(tensors_in(out / "checkpoint.safetensors"), final), f"write {at}"
        assert checkpoint.info(out).step == 9, f"write {at}"
        assert pixels(out) == sheets, f"write {at}"
        assert Image.open(out / "training.gif").n_frames == Image.open(whole / "training.gif").n_frames, f"write {at}"
        steps = [line["step"] for line in logged(out)]
        assert steps == sorted(set(steps)), f"write {at}"
        assert steps[-1] == 9, f"write {at}"
    assert at > 10


KILLS = 10
STEPS = 700  # ten are an epoch, so the state is saved every ten


def last_step(out):
    rows = run_log.read(out)
    return rows[-1].step if rows else 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_9_at_any_moment_loses_nothing(tmp_path, fork_python, same):
    """train.py, killed ten times at moments drawn by lot and resumed, ends with the bits of the run left in peace."""
    train_py = Path(run_folder.__file__).parent.parent.parent / "train.py"
    recipe = ["cdcgan", "--width", 8, "--z-dim", 16, "--batch", 20, "--limit", 200, "--steps", STEPS, "--out"]
    peace = fork_python(train_py, *recipe, "peace")
    chance, out = random.Random(0), tmp_path / "killed"
    for _ in range(KILLS):
        begun = (out / "recipe.json").exists()
        child = fork_python(train_py, *(("--resume", "killed") if begun else (*recipe, "killed")))
        goal, moment = last_step(out) + chance.randint(1, 40), chance.uniform(0, 0.1)
        while last_step(out) < goal and child.poll() is None:
            time.sleep(0.01)
        time.sleep(moment)
        assert child.poll() is None, f"ended before it was killed: {child.communicate()[1]}"
        child.kill()
        child.wait()
    for child in (fork_python(train_py, "--resume", "killed"), peace):
        _, err = child.communicate(timeout=250)
        assert child.returncode == 0, err
    for name in ("state.safetensors", "checkpoint.safetensors"):
        assert same(tensors_in(out / name), tensors_in(tmp_path / "peace" / name)), name
    assert checkpoint.info(out).step == STEPS
    assert pixels(out) == pixels(tmp_path / "peace")
    assert len(pixels(out)) == 71
    assert not list(out.rglob("*.part"))
    steps = [line["step"] for line in logged(out)]
    assert steps == sorted(set(steps))
    assert steps[-1] == STEPS


@pytest.mark.slow
def test_ctrl_c_saves_the_step_it_stops_at(tmp_path, start_python):
    train_py = Path(run_folder.__file__).parent.parent.parent / "train.py"
    child = start_python(train_py, "dcgan", "--width", 8, "--batch", 16, "--epochs", 1000, "--out", "run")
    while not (tmp_path / "run/samples/epoch_000.png").exists() and child.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=100)
    assert child.returncode == 130
    assert "Stopped." in err
    assert "Traceback" not in err
    step = logged(tmp_path / "run")[-1]["step"]
    assert step >= 1
    assert checkpoint.info(tmp_path / "run").step == step
    assert run_folder.resume(tmp_path / "run").step == step
    assert (tmp_path / "run/training.gif").exists()
