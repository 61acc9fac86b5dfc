"""Two processes and one run: as one process would have done it with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fashiongan import checkpoint, gans
from fashiongan.errors import StudioError
from fashiongan.training.distributed import ProcessGroup, join

REPO = Path(__file__).resolve().parent.parent.parent


def train(out, *args, processes=1):
    """train.py on tiny data, alone or by torchrun; its error output."""
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    command = [*start, "train.py", *args, "--device", "cpu"]
    where = ["--resume", str(out)] if "--steps" in args and (out / "recipe.json").exists() else ["--out", str(out)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *where], cwd=REPO, env=env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def state(out):
    with checkpoint.opened(out / "state.safetensors") as (f, _):
        return {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118


@pytest.fixture
def knobs(idx_root):
    return ["--data-root", str(idx_root), "--width", "8", "--z-dim", "16"]


@pytest.mark.slow
def test_two_processes_do_what_one_does_with_the_joint_batch(knobs, tmp_path):
    """And a run goes on with another number of them."""
    studio = ["studio", *knobs, "--batch", "15"]  # 7 pictures for the first, 8 for the second
    train(tmp_path / "one", *studio, "--steps", "6")
    said = train(tmp_path / "two", *studio, "--steps", "6", processes=2)
    assert said.count("pictures from") == 1  # the second is silent
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
def test_batch_norm_penalties_and_chance_work_in_a_team(gan, knobs, tmp_path):
    train(tmp_path / gan, gan, *knobs, "--batch", "16", "--steps", "3", "--augment", "shift", processes=2)
    tensors = state(tmp_path / gan)
    assert all(v.isfinite().all() for v in tensors.values() if v.is_floating_point())
    assert checkpoint.load(tmp_path / gan).sample_images(4, 0).shape == (4, 1, 28, 28)


EVERY_GAN = """
import sys
from dataclasses import replace
import torch
from fashiongan import gans
from fashiongan.data import datasets
from fashiongan.gans.recipe import knobs
from fashiongan.training.distributed import join
from fashiongan.training.trainer import Trainer

team, device = join("cpu")
whole = datasets.load("fashion-mnist", root=sys.argv[1])
wide = datasets.load("fashion-mnist", size=64, root=sys.argv[1])
wide = replace(wide, images=wide.images.expand(-1, 4, -1, -1).contiguous())
for name in gans.GANS:
    grown = {"phase": 0} if "phase" in knobs(gans.find(name).recipe_type) else {}
    grown |= {"size": 64 if name == "enlarger" else 28, "seen": 64} if name in ("projected", "enlarger") else {}
    recipe = gans.new_recipe(name, width=16, z_dim=16, batch=15, limit=100, **grown)
    trainer = Trainer(*datasets.prepare(recipe, loaded=wide if name == "enlarger" else whole), device, team)
    for _ in range(2):
        trainer.update()
    mine = torch.cat([p.detach().flatten() for p in trainer.gan.parameters()])
    found = [torch.empty_like(mine) for _ in range(team.size)]
    torch.distributed.all_gather(found, mine)
    if team.rank == 0 and bool(found[0].isfinite().all()) and torch.equal(*found):
        print(name)
team.leave()
"""


@pytest.mark.slow
def test_every_gan_stays_the_same_in_all_processes(idx_root, tmp_path):
    (tmp_path / "every.py").write_text(EVERY_GAN)
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPO)}
    command = [*start, str(tmp_path / "every.py"), str(idx_root)]
    done = subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, timeout=200)
    assert done.stdout.split() == list(gans.GANS), done.stderr[-2000:]


@pytest.mark.parametrize(("n", "size"), [(128, 1), (128, 2), (15, 2), (7, 3), (2, 4)])
def test_shares_are_whole_and_even(n, size):
    shares = [range(n)[ProcessGroup(rank, size).share(n)] for rank in range(size)]
    assert [i for share in shares for i in share] == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_there_is_nobody_to_wait_for(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    group, device = join("cpu")
    assert (group, device) == (ProcessGroup(0, 1), "cpu")
    group.wait()


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(StudioError, match=r"There are 1 GPUs on this machine: start at most as many processes here\."):
        join("cuda")
