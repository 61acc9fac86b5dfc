"""Files of classifiers: what they hold, and that a foreign or changed one is refused."""

import json
import os
import pickle
import shlex
from dataclasses import replace

import pytest
import torch
from classifier_parts import first, refused, run
from safetensors.torch import save as pack

from fashiongan import checkpoint, classifiers, cli
from fashiongan.classifiers import CLASSIFIERS, recipe, store
from fashiongan.data import datasets


def test_a_file_gives_back_the_net_to_the_last_bit(garments, tmp_path, same):
    for name in CLASSIFIERS:
        fitter, _ = run(first(garments, 60), name, epochs=1, batch=27)
        path = tmp_path / "deep" / f"{name}.safetensors"
        classifiers.save(path, fitter.net, classifiers.FitInfo(command=name))
        weights = fitter.net.state_dict()
        if fitter.net.halved:  # as it was meant to be kept: in half precision
            weights = {k: checkpoint.halved(v).float() for k, v in weights.items()}
        for where in (path, str(path)):
            net = classifiers.load(where)
            assert same(net.state_dict(), weights)
        assert net.recipe == fitter.recipe
        assert type(net) is type(fitter.net)
        assert net.recipe.labels == datasets.CLASSES
        assert not net.training
        assert not any(p.requires_grad for p in net.parameters())
        assert classifiers.info(path) == classifiers.FitInfo(command=name)
        x = garments.images[:20]
        assert torch.allclose(
            classifiers.logits(net, x), classifiers.logits(fitter.net, x), atol=1e-2 if net.halved else 1e-4
        )


def test_a_file_records_its_command_and_its_accuracy_it_does(fitted, test_garments):
    path, records = fitted
    info, net = classifiers.info(path), classifiers.load(path)
    assert info.command == "python -m fashiongan fit dense --epochs 3 --batch 25"
    assert info.tested == len(test_garments) == 200
    assert [sum(row) for row in info.confusion] == test_garments.counts
    assert info.confusion == classifiers.confusion(net, test_garments)
    assert info.accuracy == sum(info.confusion[i][i] for i in range(10)) / 200
    assert info.accuracy == pytest.approx(classifiers.accuracy(net, test_garments))
    assert info.accuracy > 0.96
    assert info.held_out == records[-1].held_out
    assert info.seconds == round(records[-1].seconds, 1)
    assert info.torch == torch.__version__
    assert info.device.startswith("CPU")
    assert records[-1].step == records[-1].steps == 66


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dense", {}),
        ("conv", {"epochs": 1, "lr": 1e-7, "schedule": "one cycle"}),
        ("cnn", {"augment": "", "precision": "float32", "decay": 0.0, "smoothing": 0.0, "schedule": "constant"}),
        ("cnn", {"augment": "flip,shift,cutout", "seed": 3, "batch": 64, "lr": 0.1 + 0.2}),
    ],
)
def test_the_command_in_the_header_makes_the_same_recipe(name, changes, monkeypatch):
    recipes = []
    monkeypatch.setattr(classifiers, "fit", lambda r, *_: (recipes.append(r), (n for n in ()))[1])
    expected = recipe(name, **changes)
    words = shlex.split(classifiers.command(replace(expected, labels=datasets.CLASSES)))
    assert words[:5] == ["python", "-m", "fashiongan", "fit", name]
    assert len(words) == 5 + 2 * len(changes)
    cli.main(words[3:])
    assert recipes == [expected]


@pytest.mark.parametrize("name", ["nothing", "", "no/such.safetensors", "../dcgan", "."])
def test_a_missing_classifier_is_named_with_the_bundled_ones(name, fitted, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "BUNDLED", tmp_path / "bundled")
    refused(r"There is no classifier .*none yet", classifiers.load, name)
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / "mine.safetensors").write_bytes(fitted[0].read_bytes())
    refused(r"There is no classifier .*\(mine\)", classifiers.load, name)
    assert store.bundled() == ["mine"]
    assert classifiers.load("mine").recipe.classifier == "dense"
    assert classifiers.info("mine") == classifiers.info(fitted[0])


def test_classifiers_and_gans_are_not_taken_for_each_other(fitted, trainer_of, tmp_path):
    trainer = trainer_of("dcgan")
    path = checkpoint.save(tmp_path / "dcgan.safetensors", trainer.gan, trainer.average, checkpoint.HeaderInfo())
    assert str(path) in refused("holds no classifier", classifiers.load, path)
    refused("holds a classifier, which draws nothing", checkpoint.load, fitted[0])


def test_a_file_cut_anywhere_is_refused(fitted, tmp_path):
    whole, path = fitted[0].read_bytes(), tmp_path / "cut.safetensors"
    for place in (0, 1, 7, 8, 9, 200, len(whole) // 2, len(whole) - 4, len(whole) - 1):
        path.write_bytes(whole[:place])
        assert "cut.safetensors" in refused("damaged", classifiers.load, path)
        refused("damaged", classifiers.info, path)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    "content", [b"a text file\n", pickle.dumps(Bomb()), pack({"a": torch.zeros(1)})], ids=["text", "pickle", "foreign"]
)
def test_a_file_that_is_no_classifier_is_refused_unopened(content, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    refused("is a text file|is a Python pickle|was not written by the studio", classifiers.load, path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "transposed", "double", "integer"])
def test_weights_that_do_not_fit_are_refused(change, parts, tmp_path):
    tensors, header = parts
    name, path = "hidden.weight", tmp_path / "altered.safetensors"
    weight = tensors.pop(name)
    match change:
        case "extra":
            tensors |= {name: weight, "extra": torch.zeros(1)}
        case "shape":
            tensors[name] = weight[:-1]
        case "transposed":
            tensors[name] = weight.T
        case "double":
            tensors[name] = weight.double()
        case "integer":
            tensors[name] = weight.int()
    checkpoint.write(path, tensors, header)
    refused(f"{path}.*altered", classifiers.load, path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classifier": "conv"}, "do not fit its recipe"),
        ({"classifier": "supernet"}, "no classifier called 'supernet'"),
        ({"classifier": []}, "no classifier called"),
        ({"classifier": None}, "no classifier called"),
        ({"labels": None}, "holds no classifier"),
        ({"labels": 7}, "holds no classifier"),
        ({"labels": ["a"] * 9}, "do not fit its recipe"),
        ({"labels": ["a"] * 10**5}, "do not fit its recipe"),
        ({"epochs": 0}, "epochs cannot be 0"),
        ({"epochs": "many"}, "epochs cannot be 'many'"),
        ({"epochs": 1e999}, "epochs cannot be inf"),
        ({"lr": float("nan")}, "lr cannot be nan"),
        ({"lr": 10**400}, "lr cannot be 1000"),
        ({"augment": ["flip"]}, "augment cannot be"),
        ({"seed": -1}, "seed cannot be -1"),
        ({"surprise": 1}, "no setting called 'surprise'"),
        ({"__class__": "x"}, "no setting called '__class__'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_recipe_with_false_fields_is_refused(fields, message, parts, tmp_path):
    tensors, header = parts
    changed = {**json.loads(header["classifier"]), **fields}
    path = tmp_path / "lying.safetensors"
    checkpoint.write(path, tensors, {**header, "classifier": json.dumps(changed)})
    refused(message, classifiers.load, path)


@pytest.mark.parametrize("name", ["classifier", "labels"])
def test_a_recipe_must_name_its_net_and_labels(name, parts, tmp_path):
    tensors, header = parts
    fields = {k: v for k, v in json.loads(header["classifier"]).items() if k != name}
    checkpoint.write(tmp_path / "a.safetensors", tensors, {**header, "classifier": json.dumps(fields)})
    refused("holds no classifier", classifiers.load, tmp_path / "a.safetensors")


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "7", '"dense"', "{", "[" * 100_000], ids=lambda t: t[:9])
def test_a_recipe_that_is_none_is_refused(text, parts, tmp_path):
    tensors, header = parts
    checkpoint.write(tmp_path / "a.safetensors", tensors, {**header, "classifier": text})
    refused("holds no classifier", classifiers.load, tmp_path / "a.safetensors")
