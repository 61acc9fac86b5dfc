"""Files of other programs in place of a checkpoint: one sentence on what they are, by content, and what to do."""

import gzip
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save as pack
from torch import nn

from fashiongan import checkpoint, cli, files
from fashiongan.errors import StudioError


def saved(content, **more):
    out = io.BytesIO()
    torch.save(content, out, **more)
    return out.getvalue()


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return out.getvalue()


def scripted():
    out = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), out)
    return out.getvalue()


def picture(kind):
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, kind)
    return out.getvalue()


def npz():
    out = io.BytesIO()
    np.savez(out, images=np.zeros(3))
    return out.getvalue()


def onnx_bytes():
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph([], "g", [], [])
    return onnx.helper.make_model(graph, producer_name="pytorch").SerializeToString()


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


CODE = "can run any code when it is opened, so it is not opened here; `python -m fashiongan import"
FOREIGN = {
    "netG.pth": (lambda: saved({"main.0.weight": torch.zeros(3)}), rf"is a PyTorch file, a pickle, which {CODE}"),
    "module.pt": (lambda: saved(nn.Linear(2, 2)), rf"is a PyTorch file, a pickle, which {CODE}"),
    "lightning.ckpt": (lambda: saved({"state_dict": {}, "epoch": 3}), rf"is a PyTorch file, a pickle, which {CODE}"),
    "bomb.pth": (lambda: saved({"G": Bomb()}), rf"is a PyTorch file, a pickle, which {CODE}"),
    "old.pth": (lambda: saved({"a": torch.zeros(2)}, _use_new_zipfile_serialization=False), "is an old PyTorch file"),
    "script.pt": (scripted, "is a TorchScript program"),
    "stylegan.pkl": (lambda: pickle.dumps({"G_ema": Bomb()}, 4), rf"is a Python pickle, which {CODE}"),
    "two.pkl": (lambda: pickle.dumps({"G_ema": 1}, 2), "is a Python pickle"),
    "g.onnx": (onnx_bytes, "is an ONNX model"),
    "keras.h5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file, as Keras writes"),
    "new.keras": (lambda: zipped("config.json", "model.weights.h5"), "is a Keras model"),
    "checkpoint": (lambda: b'model_checkpoint_path: "model.ckpt-7"\n', "is the index of a TensorFlow checkpoint"),
    "module.safetensors": (
        lambda: pack({"module.main.0.weight": torch.zeros(2)}, {"format": "pt"}),
        r"was not written by the studio, .* tensors \(module.main.0.weight\) belong; `python -m fashiongan import",
    ),
    "page.safetensors": (lambda: b"<!DOCTYPE html>\n<html><head><title>Sign in</title>", "is a web page"),
    "low.html": (lambda: b"\n  <html lang='de'>", "is a web page"),
    "xml.safetensors": (lambda: b'\xef\xbb\xbf<?xml version="1.0"?><Error>AccessDenied</Error>', "is a web page"),
    "pointer.safetensors": (
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "is a pointer of Git LFS and not the file: run `git lfs pull`",
    ),
    "pictures.zip": (
        lambda: zipped("hats/1.png"),
        "is a ZIP archive: unpack it .*, or train on its pictures with --data",
    ),
    "cut.zip": (lambda: zipped("hats/1.png")[:40], "damaged or cut short"),
    "samples.npz": (npz, "holds NumPy arrays"),
    "a.npy": (lambda: b"\x93NUMPY\x01\x00" + bytes(200), "is a NumPy array"),
    "a.tar.gz": (lambda: gzip.compress(b"content" * 99), "is an archive"),
    "a.tar": (lambda: b"G.pth" + bytes(252) + b"ustar" + bytes(500), "is an archive"),
    "a.png": (lambda: picture("PNG"), "is a picture"),
    "a.jpg": (lambda: picture("JPEG"), "is a picture"),
    "recipe.json": (lambda: b'{"gan": "dcgan", "size": 28}', "is a text file"),
    "notes.txt": (lambda: "für mich: 服 ".encode() * 99, "is a text file"),
    "empty.safetensors": (lambda: b"", "is damaged: it is empty"),
    "noise.safetensors": (lambda: bytes(range(255, 100, -1)) * 9, "is damaged or not a safetensors file"),
}


@pytest.mark.parametrize("disguise", [False, True])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_named_by_its_content_whatever_its_ending(name, disguise, tmp_path):
    make, message = FOREIGN[name]
    path = tmp_path / ("checkpoint.safetensors" if disguise else name)
    path.write_bytes(make())
    with pytest.raises(StudioError, match=message) as caught:
        checkpoint.load(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert text.endswith((".", "again."))
    assert not (tmp_path / "exploded").exists()


def test_the_sentence_is_the_same_in_every_verb(tmp_path, capsys):
    (tmp_path / "netG.pth").write_bytes(saved({"main.0.weight": torch.zeros(3)}))
    for argv in (
        ["sample", "netG.pth", "--out", "a.png"],
        ["evaluate", "netG.pth"],
        ["attack", "netG.pth"],
        ["export", "netG.pth", "--out", "g.onnx"],
        ["push", "netG.pth", "--repo", "a/b"],
    ):
        assert cli.main(argv) == 2, argv
        assert "netG.pth is a PyTorch file, a pickle, which can run any code" in capsys.readouterr().err, argv
    assert cli.train(["--from", "netG.pth"]) == 2
    assert "netG.pth is a PyTorch file, a pickle, which can run any code" in capsys.readouterr().err


def test_a_runs_state_and_a_classifier_are_no_gan(trained, tmp_path):
    with pytest.raises(StudioError, match=r"is the state of a run, .*: give the checkpoint.safetensors beside it"):
        checkpoint.load(trained / "state.safetensors")
    with pytest.raises(StudioError, match="holds a classifier, which draws nothing"):
        checkpoint.load(checkpoint.registry.BUNDLED / "classifiers" / "cnn.safetensors")


def test_a_safetensors_file_is_never_taken_for_something_else(tmp_path):
    """Its first bytes are a length, and some lengths look like a pickle's start."""
    for length in (0x0280, 0x0480, 0x0580, 8, 10, 0x3C):
        path = tmp_path / f"{length}.safetensors"
        whole = length.to_bytes(8, "little") + b"{" + b" " * length
        for content in (whole, whole[:9], whole[:8], whole[:7], whole[:4]):  # also where it is cut short
            path.write_bytes(content)
            assert files.identify(path) == ""


@pytest.mark.parametrize("byte", range(256))
def test_a_single_byte_is_damaged(byte, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(bytes([byte]))
    with pytest.raises(StudioError, match="damaged"):
        checkpoint.load(tmp_path / "a.safetensors")
