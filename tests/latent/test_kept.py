"""Directions beside a checkpoint: as found afresh, used at once, and not used where they are stale or damaged."""

import dataclasses
import shutil

import pytest
import torch

from fashiongan import checkpoint
from fashiongan.cli import verbs
from fashiongan.hub import registry
from fashiongan.latent import directions, kept, spec


@pytest.fixture
def mlpgan(tmp_path):
    """A copy of a bundled checkpoint that is quick to search, alone in a folder."""
    return shutil.copy(registry.find("mlpgan"), tmp_path / "mlpgan.safetensors")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The file of the directions that were found afresh for that checkpoint."""
    checkpoint_file = tmp_path_factory.mktemp("written") / "mlpgan.safetensors"
    return kept.write(shutil.copy(registry.find("mlpgan"), checkpoint_file))


@pytest.fixture
def beside(mlpgan, written):
    """That file beside the copy."""
    kept.place(mlpgan).parent.mkdir()
    return shutil.copy(written, kept.place(mlpgan))


@pytest.fixture
def searched(monkeypatch):
    """The kinds of directions that were found afresh since."""
    done = []
    for kind, find in list(directions.KINDS.items()):
        monkeypatch.setitem(directions.KINDS, kind, lambda gan, kind=kind, find=find: done.append(kind) or find(gan))
    return done


def agree(a, b):
    """Each direction points where the other does, up to the last bits of another machine."""
    near = torch.nn.functional.cosine_similarity(a.vectors, b.vectors, dim=-1)
    moving = a.vectors.norm(dim=-1) > 1e-6
    assert a.vectors.shape == b.vectors.shape
    assert (near[moving] > 0.999).all()
    assert a.names == b.names
    assert a.strengths == pytest.approx(b.strengths, abs=0.02)
    assert a.reach == b.reach


@pytest.mark.slow
def test_kept_directions_are_those_found_afresh_and_nothing_is_searched(mlpgan, searched):
    kept.write(mlpgan)
    assert sorted(searched) == sorted(directions.KINDS)
    searched.clear()
    gan, fresh = kept.load(mlpgan), checkpoint.load(mlpgan)
    found = {kind: directions.find(gan, kind) for kind in directions.KINDS}
    assert spec.handles(gan, 6, "measured")[0][0].isupper()
    assert searched == []
    for kind, f in found.items():
        again = directions.find(fresh, kind)
        assert torch.equal(f.vectors, again.vectors)
        assert dataclasses.replace(f, vectors=again.vectors) == again


@pytest.mark.parametrize("name", registry.bundled())
def test_every_bundled_checkpoint_has_its_directions_beside_it(name):
    path = registry.find(name)
    gan = checkpoint.load(path)
    assert set(kept.read(path, gan)) == set(directions.KINDS)
    assert kept.place(path).stat().st_size < 100_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlpgan", "cdcgan", "studio"])
def test_the_bundled_directions_are_those_found_afresh(name):
    gan = checkpoint.load(name)
    for kind, found in kept.read(registry.find(name), gan).items():
        agree(found, directions.KINDS[kind](gan))


def test_directions_of_other_weights_are_stale(mlpgan, beside, searched):
    assert kept.read(mlpgan, checkpoint.load(mlpgan)).keys() == directions.KINDS.keys()
    checkpoint.annotate(mlpgan, seconds=1)
    gan = kept.load(mlpgan)
    assert kept.read(mlpgan, gan) == {}
    directions.find(gan, "layer")
    assert searched == ["layer"]


def without_names(tensors, info):
    info["kinds"]["layer"]["names"] = []


def of_another_shape(tensors, info):
    tensors["layer"] = tensors["layer"][..., :3]


def not_finite(tensors, info):
    tensors["layer"][0, 0, 0] = torch.nan


def not_there(tensors, info):
    del tensors["layer"]


@pytest.mark.parametrize(
    "spoil",
    [of_another_shape, *(pytest.param(f, marks=pytest.mark.slow) for f in (without_names, not_finite, not_there))],
)
def test_what_does_not_fit_is_found_afresh(mlpgan, beside, spoil):
    gan, info = checkpoint.load(mlpgan), checkpoint.header_entries(beside)
    with checkpoint.opened(beside) as (f, _):
        tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118
    spoil(tensors, info)
    checkpoint.write_info(beside, tensors, info)
    assert set(kept.read(mlpgan, gan)) == set(directions.KINDS) - {"layer"}


DAMAGED = [b"", *(pytest.param(x, marks=pytest.mark.slow) for x in (b"no file of the studio", b"\0" * 100))]


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_file_is_as_if_there_were_none(mlpgan, beside, data):
    assert kept.read(mlpgan, checkpoint.load(mlpgan))
    beside.write_bytes(data)
    assert kept.read(mlpgan, checkpoint.load(mlpgan)) == {}


def test_a_checkpoint_with_nothing_beside_it_is_loaded_as_ever(mlpgan):
    assert kept.read(mlpgan, kept.load(mlpgan)) == {}


@pytest.mark.slow
def test_the_verb_bundle_finds_them_and_leaves_the_checkpoint_as_it_is(mlpgan, monkeypatch):
    monkeypatch.setattr(registry, "BUNDLED", mlpgan.parent)
    before = mlpgan.read_bytes()
    assert verbs.main(["bundle", "--directions"]) == 0
    assert mlpgan.read_bytes() == before
    assert set(kept.read(mlpgan, checkpoint.load(mlpgan))) == set(directions.KINDS)
