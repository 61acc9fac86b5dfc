"""A fitted classifier, and the garments of the test set."""

import pytest

from fashiongan import checkpoint, classifiers
from fashiongan.classifiers import recipe
from fashiongan.data import datasets


@pytest.fixture(scope="module")
def fitted(idx_root, tmp_path_factory):
    """A dense net's file, as `fit` writes it, and the records of its fit."""
    path = tmp_path_factory.mktemp("fitted") / "dense.safetensors"
    return path, list(classifiers.fit(recipe("dense", epochs=3, batch=25), path, root=idx_root))


@pytest.fixture(scope="module")
def test_garments(idx_root):
    return datasets.load("fashion-mnist", split="test", root=idx_root)


@pytest.fixture
def parts(fitted):
    """The tensors and the header of that file."""
    with checkpoint.opened(fitted[0]) as (f, header):
        return {k: f.get_tensor(k) for k in f.keys()}, dict(header)  # noqa: SIM118  f is no dict
