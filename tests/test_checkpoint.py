"""Checkpoints: a damaged, foreign or lying file is refused with one sentence, and saving is all or nothing."""

import errno
import json
import os
import pickle
import random
import struct

import pytest
import torch
from safetensors.torch import save as pack

from fashiongan import checkpoint, files, gans
from fashiongan.errors import StudioError
from fashiongan.hub import registry


@pytest.fixture(scope="module")
def good(trainer_of, tmp_path_factory):
    """The bytes of a checkpoint."""
    trainer = trainer_of("cdcgan")
    trainer.update()
    path = tmp_path_factory.mktemp("good") / "cdcgan.safetensors"
    checkpoint.save(path, trainer.gan, trainer.average, checkpoint.HeaderInfo(step=1))
    return path.read_bytes()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def parts(good, file):
    """The tensors and the header of that checkpoint."""
    file.write_bytes(good)
    with checkpoint.opened(file) as (f, header):
        return {k: f.get_tensor(k) for k in f.keys()}, dict(header)  # noqa: SIM118  f is no dict


def refused(file, match=None):
    with pytest.raises(StudioError, match=match) as caught:
        checkpoint.load(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def altered(header, **fields):
    """The header with other fields in its recipe; None takes one away."""
    recipe = {**json.loads(header["recipe"]), **fields}
    return {**header, "recipe": json.dumps({k: v for k, v in recipe.items() if v is not None or k == "limit"})}


def test_the_undamaged_file_loads(good, file):
    file.write_bytes(good)
    assert checkpoint.load(file).sample_images(1, 0, "Bag").shape == (1, 1, 28, 28)
    assert checkpoint.load(str(file)).recipe.gan == "cdcgan"


def test_a_folder_and_a_bundled_name_are_resolved(good, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(good)
    assert checkpoint.load(tmp_path / "run").recipe.gan == "cdcgan"
    (tmp_path / "mine.safetensors").write_bytes(good)
    monkeypatch.setattr(registry, "BUNDLED", tmp_path)
    assert registry.bundled() == ["mine"]
    assert checkpoint.load("mine").recipe.gan == "cdcgan"


@pytest.mark.parametrize("name", ["nothing", "", "no/such/file.safetensors", "../dcgan", "."])
def test_a_missing_checkpoint_is_named(name):
    refused(name, "There is no checkpoint")


def test_a_file_cut_anywhere_is_refused(good, file):
    header_ends = 8 + struct.unpack("<Q", good[:8])[0]
    places = {0, 1, 7, 8, 9, header_ends - 1, header_ends, header_ends + 1, len(good) - 4, len(good) - 1}
    places |= {random.Random(0).randrange(len(good)) for _ in range(100)}
    places |= {random.Random(1).randrange(header_ends) for _ in range(20)}
    for place in sorted(places):
        file.write_bytes(good[:place])
        assert "model.safetensors" in refused(file, "damaged"), place


def test_a_header_damaged_anywhere_is_refused_or_harmless(good, file):
    rng = random.Random(2)
    header_ends = 8 + struct.unpack("<Q", good[:8])[0]
    for _ in range(200):
        place = rng.randrange(header_ends)
        file.write_bytes(good[:place] + bytes([rng.randrange(256)]) + good[place + 1 :])
        try:
            gan = checkpoint.load(file)
        except StudioError:
            continue
        gan.sample_images(1, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, I am a text file\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 100_000_000) + b"{",
        struct.pack("<Q", 8) + b"\xff" * 8,
        pack({"a": torch.zeros(1)}),
        pack({"a": torch.zeros(1)}, {"format": "pt"}),
        pack({}, {"format": checkpoint.FORMAT}),
    ],
    ids=[
        "empty",
        "text",
        "png",
        "huge header",
        "short header",
        "not utf-8",
        "foreign",
        "foreign metadata",
        "no recipe",
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(content, file):
    file.write_bytes(content)
    refused(file)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_a_pickle_is_refused_unopened(file, tmp_path):
    for content in (pickle.dumps(Bomb()), pickle.dumps({"G": Bomb()})):
        file.write_bytes(content)
        refused(file, "is a Python pickle, which can run any code when it is opened, so it is not opened here")
    for new in (True, False):
        torch.save({"G": Bomb()}, file, _use_new_zipfile_serialization=new)
        refused(file, "PyTorch file, a pickle, which can run any code when it is opened, so it is not opened here")
    assert not (tmp_path / "exploded").exists()


def test_the_score_is_kept_in_half_precision_and_the_generator_in_full(parts, file, same):
    tensors, header = parts
    types = {k: v.dtype for k, v in tensors.items() if v.is_floating_point()}
    assert {t for k, t in types.items() if k.startswith("D.")} == {torch.float16}
    assert {t for k, t in types.items() if k.startswith("G.")} == {torch.float32}
    checkpoint.write(file, tensors, header)
    gan = checkpoint.load(file)
    assert {v.dtype for v in gan.state_dict().values() if v.is_floating_point()} == {torch.float32}
    assert same(gan.D.state_dict(), {k[2:]: v.to(gan.state_dict()[k].dtype) for k, v in tensors.items() if k[0] == "D"})


@pytest.mark.parametrize("most", [70_000.0, float("inf"), float("nan")])
def test_numbers_too_large_for_half_precision_are_kept_in_full(most):
    assert checkpoint.halved(torch.tensor([1.0, most])).dtype == torch.float32
    assert checkpoint.halved(torch.tensor([1.0, 60_000.0])).dtype == torch.float16
    assert checkpoint.halved(torch.tensor([3])).dtype == torch.int64


def test_a_halved_checkpoint_draws_nearly_the_same_from_half_the_bytes(parts, file):
    tensors, header = parts
    checkpoint.write(file, tensors, header)
    whole, before = checkpoint.load(file), file.stat().st_size
    checkpoint.halve(file)
    assert file.stat().st_size < 0.7 * before
    weights = {k for k, _ in whole.named_parameters()}
    with checkpoint.opened(file) as (f, kept):
        types = {k: f.get_tensor(k).dtype for k in f.keys()}  # noqa: SIM118
    assert kept["recipe"] == header["recipe"]
    assert {t for k, t in types.items() if k in weights} == {torch.float16}
    assert {t for k, t in types.items() if "G.norms" in k and k not in weights} == {torch.float32, torch.int64}
    a, b = (gan.sample_images(8, 0).int() for gan in (whole, checkpoint.load(file)))
    assert (a - b).abs().max() <= 1
    assert not torch.equal(
        *(dict(gan.named_parameters())["G.project.weight"] for gan in (whole, checkpoint.load(file)))
    )


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "transposed", "dtype", "integer dtype"])
def test_tensors_that_do_not_fit_are_refused(change, parts, file):
    tensors, header = parts
    first = "G.project.weight"
    match change:
        case "missing":
            del tensors[first]
        case "extra":
            tensors["G.extra"] = torch.zeros(1)
        case "shape":
            tensors[first] = tensors[first][:-1]
        case "transposed":
            tensors[first] = tensors[first].transpose(0, 1)
        case "dtype":
            tensors[first] = tensors[first].double()
        case "integer dtype":
            tensors["G.norms.0.num_batches_tracked"] = torch.zeros(())
    checkpoint.write(file, tensors, header)
    assert str(file) in refused(file)


@pytest.mark.parametrize(
    "fields",
    [
        {"gan": "supergan"},
        {"gan": None},
        {"gan": "dcgan"},
        {"width": 10**9},
        {"width": 16},
        {"width": "wide"},
        {"z_dim": 10**12},
        {"size": 30},
        {"size": 64},
        {"size": 2**31},
        {"channels": 2},
        {"channels": None},
        {"channels": 3},
        {"channels": float("inf")},
        {"channels": "x"},
        {"labels": []},
        {"labels": ["a"] * 100_000},
        {"labels": None},
        {"labels": 7},
        {"labels": ["a"] * 9},
        {"classes": "99"},
        {"classes": "-1"},
        {"classes": "1,x"},
        {"output": "relu"},
        {"seed": -1},
        {"ema": float("nan")},
        {"batch": True},
        {"surprise": 1},
        {"lr_g": "1e999"},
    ],
    ids=lambda fields: str(fields)[:30],
)
def test_a_recipe_with_false_fields_is_refused(fields, parts, file):
    tensors, header = parts
    checkpoint.write(file, tensors, altered(header, **fields))
    refused(file)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "7", '"dcgan"', "{", "[" * 100_000, '{"gan": []}'], ids=lambda text: text[:12]
)
def test_a_recipe_that_is_none_is_refused(text, parts, file):
    tensors, header = parts
    checkpoint.write(file, tensors, {**header, "recipe": text})
    refused(file)


def test_a_header_with_false_sizes_costs_no_memory(file):
    """The largest net a recipe can name is refused for its missing weights before any are made."""
    recipe = gans.new_recipe("cdcgan", width=256, size=128, z_dim=1024).replace(labels=("a",) * 1000)
    file.write_bytes(pack({"a": torch.zeros(1)}, {"format": checkpoint.FORMAT, "recipe": recipe.to_json()}))
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(file, "do not fit")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize("text", ["", "null", "7", "{", "[" * 100_000], ids=lambda text: text[:12])
def test_info_that_cannot_be_read_is_empty(text, parts, file):
    tensors, header = parts
    checkpoint.write(file, tensors, {**header, "info": text})
    assert checkpoint.info(file) == checkpoint.HeaderInfo()


def out_of_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("earlier", [b"the earlier file", None])
def test_no_space_leaves_the_earlier_file_and_nothing_else(earlier, tmp_path, monkeypatch):
    path = tmp_path / "deep" / "a.bin"
    path.parent.mkdir()
    if earlier:
        path.write_bytes(earlier)
    monkeypatch.setattr(os, "fsync", out_of_space)
    with pytest.raises(StudioError, match=r"No space is left to save a.bin"):
        files.write(path, b"new")
    assert [p.read_bytes() for p in path.parent.iterdir()] == ([earlier] if earlier else [])


def test_saving_a_checkpoint_on_a_full_disk_keeps_the_old_one(good, file, trainer_of, monkeypatch):
    file.write_bytes(good)
    monkeypatch.setattr(os, "fsync", out_of_space)
    trainer = trainer_of("dcgan")
    with pytest.raises(StudioError, match="No space is left"):
        checkpoint.save(file, trainer.gan, trainer.average, checkpoint.HeaderInfo())
    assert file.read_bytes() == good
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_a_name_appears_only_when_its_content_is_on_the_disk(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    seen, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda f: (seen.append(path.exists()), sync(f)))
    files.write(path, b"new")
    assert seen == [False]
    assert path.read_bytes() == b"new"


def test_a_reader_of_the_old_file_is_not_disturbed(tmp_path):
    path = tmp_path / "a.bin"
    files.write(path, b"old")
    with path.open("rb") as reader:
        files.write(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    for path in (tmp_path / "taken" / "a.bin", tmp_path / "taken" / "deeper" / "a.bin"):
        with pytest.raises(StudioError, match=r"a\.bin cannot be written .*: choose a folder"):
            files.write(path, b"new")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "a file"


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(StudioError, match="cannot be written"):
        files.write(tmp_path / "a.bin", b"new")
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []
