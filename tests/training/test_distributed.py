"""Two processes train one run as one process would with the whole batch."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fashiongan import checkpoint, gans
from fashiongan.errors import StudioError
from fashiongan.training.distributed import ProcessGroup, join

REPO = Path(__file__).resolve().parent.parent.parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def run_group(fork_python):
    """run_group(script, *args, processes=2): the output and the errors of rank 0, with the variables torchrun sets."""

    def run(script, *args, processes=2):
        group = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
        started = [
            fork_python(script, *args, **group, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(processes)
        ]
        results = [process.communicate(timeout=200) for process in started]
        assert [process.returncode for process in started] == [0] * processes, results
        assert not any(out + err for out, err in results[1:]), results
        return results[0]

    return run


@pytest.fixture
def train(run_group):
    """train(out, *args, processes=1): run train.py; its error output."""

    def run(out, *args, processes=1):
        folder = ("--resume", out) if (out / "recipe.json").exists() else ("--out", out)
        return run_group(REPO / "train.py", *args, "--device", "cpu", *folder, processes=processes)[1]

    return run


def torchrun(*args):
    """Two processes started as a user starts them; the output and the errors of both."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [*start, *map(str, args)], cwd=REPO, env=env, capture_output=True, text=True, timeout=200, encoding="utf-8"
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result


def state(out):
    with checkpoint.opened(out / "state.safetensors") as (f, _):
        return {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118


@pytest.fixture
def knobs(idx_root):
    return ["--data-root", str(idx_root), "--width", "8", "--z-dim", "16"]


@pytest.mark.slow
def test_two_processes_do_what_one_does_with_the_joint_batch(train, knobs, tmp_path):
    """And a run goes on with another number of processes."""
    studio = ["studio", *knobs, "--batch", "15"]  # 7 pictures for the first, 8 for the second
    train(tmp_path / "one", *studio, "--steps", "6")
    output = torchrun("train.py", *studio, "--steps", "6", "--device", "cpu", "--out", tmp_path / "two").stderr
    assert output.count("pictures from") == 1  # rank 1 prints nothing
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    assert one.keys() == two.keys()
    for k, v in one.items():
        if v.is_floating_point():
            assert (v - two[k]).abs().max() < 1e-5, k
    assert torch.equal(one["rng"], two["rng"])
    for name, processes in (("one", 2), ("two", 1)):
        train(tmp_path / name, "--data-root", knobs[1], "--steps", "9", processes=processes)
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    for k, v in one.items():
        if v.is_floating_point():
            assert (v - two[k]).abs().max() < 1e-4, k


@pytest.mark.slow
@pytest.mark.parametrize("gan", ["dcgan", "wgan-gp", "infogan"])
def test_two_processes_train_batch_norm_penalties_and_random_numbers(gan, train, knobs, tmp_path):
    train(tmp_path / gan, gan, *knobs, "--batch", "16", "--steps", "3", "--augment", "shift", processes=2)
    tensors = state(tmp_path / gan)
    assert all(v.isfinite().all() for v in tensors.values() if v.is_floating_point())
    assert checkpoint.load(tmp_path / gan).sample_images(4, 0).shape == (4, 1, 28, 28)


@pytest.mark.slow
def test_two_processes_resume_exactly(train, knobs, tmp_path):
    """The second one too, which draws shifts and places between real and fake, and saves nothing."""
    drawn = ["wgan-gp", *knobs, "--batch", "16", "--augment", "shift", "--schedule", "constant"]
    train(tmp_path / "whole", *drawn, "--steps", "4", processes=2)
    train(tmp_path / "parts", *drawn, "--steps", "2", processes=2)
    train(tmp_path / "parts", "--data-root", knobs[1], "--steps", "4", processes=2)
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(v, parts[k]) for k, v in whole.items())


EVERY_GAN = """
import sys
from dataclasses import replace
import torch
from fashiongan import gans
from fashiongan.data import datasets
from fashiongan.gans.recipe import knobs
from fashiongan.training.distributed import join
from fashiongan.training.trainer import Trainer

group, device = join("cpu")
whole = datasets.load("fashion-mnist", root=sys.argv[1])
wide = datasets.load("fashion-mnist", size=64, root=sys.argv[1])
wide = replace(wide, images=wide.images.expand(-1, 4, -1, -1).contiguous())
for name in gans.GANS:
    grown = {"phase": 0} if "phase" in knobs(gans.find(name).recipe_type) else {}
    grown |= {"size": 64 if name == "enlarger" else 28, "seen": 64} if name in ("projected", "enlarger") else {}
    recipe = gans.new_recipe(name, width=16, z_dim=16, batch=15, limit=100, **grown)
    trainer = Trainer(*datasets.prepare(recipe, loaded=wide if name == "enlarger" else whole), device, group)
    for _ in range(2):
        trainer.update()
    own = torch.cat([p.detach().flatten() for p in trainer.gan.parameters()])
    parts = [torch.empty_like(own) for _ in range(group.size)]
    torch.distributed.all_gather(parts, own)
    if group.rank == 0 and bool(parts[0].isfinite().all()) and torch.equal(*parts):
        print(name)
group.leave()
"""


@pytest.mark.slow
def test_every_gan_stays_the_same_in_all_processes(run_group, idx_root, tmp_path):
    (tmp_path / "every.py").write_text(EVERY_GAN, encoding="utf-8")
    out, err = run_group(tmp_path / "every.py", idx_root)
    assert out.split() == list(gans.GANS), err[-2000:]


@pytest.mark.parametrize(("n", "size"), [(128, 1), (128, 2), (15, 2), (7, 3), (2, 4)])
def test_shares_cover_the_batch_and_differ_by_at_most_one(n, size):
    shares = [range(n)[ProcessGroup(rank, size).share(n)] for rank in range(size)]
    assert [i for share in shares for i in share] == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_process_alone_waits_for_nobody(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    group, device = join("cpu")
    assert (group, device) == (ProcessGroup(0, 1), "cpu")
    group.wait()


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(StudioError, match=r"There are 1 GPUs on this machine: start at most as many processes here\."):
        join("cuda")
