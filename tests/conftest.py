"""Ten synthetic garments in real-format IDX files, so that tests load data the way users do, without a network."""

import gc
import gzip
import itertools
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import ForkedProcess
from synthetic import idx_bytes, pictures_and_labels, shape

from fashiongan import checkpoint, gans
from fashiongan.data import datasets, fashion_files, images
from fashiongan.gans import recipe
from fashiongan.training import run_folder
from fashiongan.training.trainer import Trainer

REPO = Path(__file__).resolve().parent.parent
IN_COLOR = {"enlarger"}  # refuses gray pictures, and draws at 64 or 128 pixels
LOOPBACK = (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0")

COUNT = itertools.count()

# The synthetic garments count as the real ones, by their first labels.
fashion_files.FIRST.add(tuple(i % 10 for i in range(16)))

# One thread: nets this small gain nothing from two, and two that wait for each other crawl on a busy machine.
torch.set_num_threads(1)


def pytest_collection_finish():
    """What is there before the tests stays: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def write_idx(root, suffix=".gz", train=600, test=200):
    root.mkdir(parents=True, exist_ok=True)
    for stem, n, seed in (("train", train, 1), ("t10k", test, 2)):
        images, labels = pictures_and_labels(n, seed)
        for name, values in ((f"{stem}-images-idx3-ubyte", images), (f"{stem}-labels-idx1-ubyte", labels)):
            packed = gzip.compress(idx_bytes(values)) if suffix else idx_bytes(values)
            (root / (name + suffix)).write_bytes(packed)
    return root


@pytest.fixture(scope="session")
def idx_root(tmp_path_factory):
    return write_idx(tmp_path_factory.mktemp("fashion-mnist"))


@pytest.fixture(scope="session")
def idx_writer():
    return write_idx


@pytest.fixture(scope="session")
def garments(idx_root):
    return datasets.load("fashion-mnist", root=idx_root)


@pytest.fixture
def tmp_path(request, tmp_path_factory):
    """A new folder. Pytest's own looks through those of all the tests before for a free name; a count is quicker."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return tmp_path_factory.mktemp(f"{name}{next(COUNT)}", numbered=False)


@pytest.fixture(autouse=True)
def no_network_and_no_mess(monkeypatch, tmp_path, idx_root):
    """Tests see the synthetic garments, write under tmp_path, and connect to this machine only."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def near_connect(self, address):
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    def near_resolve(host, *args, **kwargs):
        if host not in LOOPBACK:
            raise AssertionError(f"a test tried to look up {host}")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", near_connect)
    monkeypatch.setattr(socket, "getaddrinfo", near_resolve)
    monkeypatch.setenv("FASHIONGAN_DATA", str(idx_root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def tiny():
    """tiny(gan, **changes): a recipe that trains in well under a second."""

    def make(gan, **changes):
        knobs = recipe.knobs(gans.find(gan).recipe_type)
        small = {"width": max(8, knobs["width"].lo), "z_dim": 16, "batch": 16, "steps": 6}
        small |= {"phase": 0} if "phase" in knobs else {}  # grown from the start, so that every layer is at work
        small |= {"seen": 64, "augment": "", "size": 28} if "seen" in knobs else {}  # as small as a frozen net can see
        small |= {"size": 64} if gan in IN_COLOR else {}
        small |= {"d_steps": 2} if knobs["d_steps"].default > 2 else {}  # several, and no more
        return gans.new_recipe(gan, **{**small, **changes})

    return make


@pytest.fixture(scope="session")
def net_file():
    """net_file(path, gan): the file of an untrained net in color with alpha, 64 pixels a side."""

    def make(path, gan):
        labels = ("dress", "hat", "longsleeve", "pants", "shoes", "t-shirt")
        recipe = gans.new_recipe(gan, width=8, size=64, seen=64, z_dim=16).replace(channels=4, labels=labels)
        net = gans.build(recipe).eval()
        return checkpoint.save(path, net, net.G, checkpoint.HeaderInfo())

    return make


@pytest.fixture(scope="session")
def garments_in_color(garments):
    """The same garments at 64 pixels, each class in a color of its own, with alpha."""
    gray = images.resize(garments.images, 64)
    hue = garments.labels.view(-1, 1, 1, 1) * 25
    rgb = torch.cat([hue.expand_as(gray), gray, 255 - gray], 1)
    return replace(garments, images=torch.cat([rgb.byte(), (gray > 25).byte() * 255], 1))


@pytest.fixture(scope="session")
def pictures_of(garments, garments_in_color):
    """pictures_of(gan): the tiny data set on which a GAN of the catalogue keeps its promises."""
    return lambda gan: garments_in_color if gan in IN_COLOR else garments


@pytest.fixture(scope="session")
def trainer_of(tiny, pictures_of):
    """trainer_of(gan, pictures=pictures_of(gan), **changes): a trainer of a tiny recipe."""

    def make(gan, pictures=None, **changes):
        return Trainer(*datasets.prepare(tiny(gan, **changes), loaded=pictures or pictures_of(gan)))

    return make


@pytest.fixture(scope="session")
def colored(tmp_path_factory):
    """A folder of 40 colored pictures in two classes."""
    from PIL import Image

    root = tmp_path_factory.mktemp("colored")
    rng = np.random.default_rng(3)
    for name, tint in (("hats", (255, 60, 0)), ("gloves", (0, 90, 255))):
        (root / name).mkdir()
        for i in range(20):
            values = (shape(i % 10)[:, :, None] / 255 * tint + rng.integers(0, 20, (28, 28, 3))).clip(0, 255)
            Image.fromarray(values.astype(np.uint8)).save(root / name / f"{i:02d}.png")
    return root


def python_environment(**more):
    """This process's variables, with the package importable and one thread."""
    return {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", **more}


def end_all(processes):
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def start_python(tmp_path):
    """start_python(*args): a new process of Python in tmp_path; what still runs ends with the test."""
    started = []

    def start(*args):
        started.append(
            subprocess.Popen(
                [sys.executable, *map(str, args)],
                cwd=tmp_path,
                env=python_environment(),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )
        return started[-1]

    yield start
    end_all(started)


@pytest.fixture
def fork_python(tmp_path):
    """fork_python(*args, **variables): as start_python, forked from a process that has imported torch already."""
    started = []

    def start(*args, **variables):
        streams = tmp_path / f"streams-{len(started)}"
        started.append(ForkedProcess(args, tmp_path, streams, python_environment(**variables)))
        return started[-1]

    yield start
    end_all(started)


@pytest.fixture
def python(start_python):
    """python(*args): (exit code, standard output, standard error) of such a process."""

    def run(*args):
        process = start_python(*args)
        out, err = process.communicate(timeout=250)
        return process.returncode, out, err

    return run


@pytest.fixture
def forked(fork_python):
    """forked(*args, **variables): as python, in a forked process."""

    def run(*args, **variables):
        process = fork_python(*args, **variables)
        out, err = process.communicate(timeout=250)
        return process.returncode, out, err

    return run


@pytest.fixture(scope="session")
def same():
    """same(a, b): two dicts of tensors with the same names and the same bits."""
    return lambda a, b: a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, tiny, garments):
    """A run folder of a hardly trained cdcgan."""
    out = tmp_path_factory.mktemp("run") / "mine"
    for _ in run_folder.train(run_folder.start(tiny("cdcgan"), out, loaded=garments), out):
        pass
    return out


@pytest.fixture
def weights(trained):
    return (trained / "checkpoint.safetensors").read_bytes()


@pytest.fixture
def serve(monkeypatch, tmp_path):
    """serve(repos, trouble): a stand-in that this process's client talks to, with an empty cache."""
    import huggingface_hub
    from fakehub import FakeHub
    from huggingface_hub import constants

    hubs = []
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_good")
    monkeypatch.setattr("huggingface_hub.utils._headers.get_token", lambda: "hf_good")

    def start(repos=(), trouble=None, **more):
        server = FakeHub(repos, trouble, **more).__enter__()
        hubs.append(server)
        point_to(server.url)
        return server

    def point_to(url):
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")

    start.point_to = point_to
    yield start
    for server in hubs:
        server.__exit__()
