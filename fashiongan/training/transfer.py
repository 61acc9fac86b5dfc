"""Start a run from a trained checkpoint, on other data or classes, or at other rates.

A tensor is taken if its name and shape are the same in both. Where one axis of a tensor stands for the classes, the
rows of classes with the same name are taken, and all of the other rows if there are as many. The rest keeps its fresh
weights and is named in one sentence. The checkpoint's averaged generator starts both the generator and its average; it
starts a discriminator only of the same GAN, since the score of another means something else. Optimizers begin anew.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .. import checkpoint, gans
from ..errors import StudioError
from ..gans.base import GAN
from ..gans.recipe import Recipe, knobs

# Knobs that belong to a run and not to a net or to how it learns: a new run has its own.
OWN = {"data", "classes", "limit", "epochs", "steps", "seed", "start_from"}
NETS = ("size", "width", "z_dim", "output")  # knobs on which the nets of every GAN depend
NAMED = 4  # fresh tensors that the sentence names


@dataclass(frozen=True)
class Move:
    """A tensor, or some of its rows, that is taken. Without an axis, all of it."""

    name: str
    axis: int | None = None
    source: tuple[int, ...] = ()  # rows along the axis in the checkpoint
    target: tuple[int, ...] = ()  # where they go


@dataclass(frozen=True)
class Start:
    """What a run takes from a checkpoint."""

    recipe: Recipe  # of the run, with the facts of its start
    tensors: dict[str, Tensor]  # of the checkpoint
    moves: tuple[Move, ...]

    @torch.no_grad()
    def fill(self, gan: GAN) -> None:
        """Put what is taken into a GAN with fresh weights."""
        state = gan.state_dict()
        for move in self.moves:
            new, old = state[move.name], self.tensors[move.name].to(state[move.name].device)
            if move.axis is None:
                new.copy_(old)
            else:
                source, target = (torch.tensor(rows, device=new.device) for rows in (move.source, move.target))
                new.index_copy_(move.axis, target, old.index_select(move.axis, source))


def recipe(name: str, gan: str | None = None, **changes: Any) -> Recipe:
    """The recipe of a run that starts from a checkpoint: the checkpoint's nets and rates, unless `changes` differ.

    Args:
        name: of the checkpoint, as `checkpoint.load` takes it.
        gan: the GAN to train; by default the checkpoint's. Of another, only the size of the nets is the checkpoint's.
        changes: settings of the new run.
    """
    source = checkpoint.load(name).recipe
    gan = gan or source.gan
    other = knobs(gans.find(gan).recipe_type)
    kept = [k for k in knobs(type(source)) if k not in OWN] if gan == source.gan else NETS
    settings = {k: getattr(source, k) for k in kept if k in other}
    return gans.new_recipe(gan, **{**settings, **changes, "start_from": name})


def begin(target: Recipe) -> Start:
    """What a run takes from the checkpoint that its recipe, with the facts of its data, names in `start_from`.

    Raises StudioError if the checkpoint cannot be read, has another generator, or if no layer of it fits.
    """
    name = target.start_from
    digest, source = checkpoint.sha256(name), checkpoint.load(name)
    shapes = checkpoint.skeleton(target)
    if type(source.G) is not type(shapes.G):
        gan = source.recipe.gan
        raise StudioError(
            f"{target.gan} cannot start from {name}, {'an' if gan[0] in 'aei' else 'a'} {gan} with another generator: "
            f"train {gan} from it, or choose a checkpoint of {target.gan}."
        )
    moves = fitting(source, shapes)
    if not any(m.name.startswith("G.") and shapes.state_dict()[m.name].dim() > 1 for m in moves):
        sizes = ", ".join(f"{k} {getattr(source.recipe, k)}" for k in NETS)
        raise StudioError(f"No layer of {name} fits this net: give it the sizes that are there ({sizes}).")
    facts = {"start_sha256": digest, "start_note": describe(source, shapes, moves)}
    return Start(target.replace(**facts), source.state_dict(), moves)


def fitting(source: GAN, target: GAN) -> tuple[Move, ...]:
    """What of `source` fits into `target`, whose tensors may be on the meta device."""
    old, new = source.state_dict(), target.state_dict()
    old_axes, new_axes = class_axes(source.recipe), class_axes(target.recipe)
    moves = []
    for name, value in new.items():
        if name not in old or (not name.startswith("G.") and source.recipe.gan != target.recipe.gan):
            continue
        axis = new_axes.get(name, old_axes.get(name))
        if axis is None:
            moves += [Move(name)] * (old[name].shape == value.shape)
            continue
        before, after = old[name].shape, value.shape
        if len(before) != len(after) or before[:axis] + before[axis + 1 :] != after[:axis] + after[axis + 1 :]:
            continue
        here, there = (
            rows(gan, name, size[axis], name in axes)
            for gan, size, axes in ((source, before, old_axes), (target, after, new_axes))
        )
        common = [key for key in there if key in here]
        others = [[key for key in one if isinstance(key, int)] for one in (here, there)]
        if common and others[0] == others[1]:
            moves.append(Move(name, axis, tuple(here[k] for k in common), tuple(there[k] for k in common)))
    return tuple(moves)


def rows(gan: GAN, name: str, size: int, by_class: bool) -> dict[int | str, int]:
    """Where the rows of a tensor's axis of classes are: by the classes' names, and by number for all other rows.

    Of the classes, only those that were trained.
    """
    if not by_class:
        return {i: i for i in range(size)}
    labels = gan.recipe.labels
    first = size - gan.after_classes(name) - len(labels)
    others = [i for i in range(size) if not first <= i < first + len(labels)]
    return {**dict(enumerate(others)), **{labels[i].casefold(): first + i for i in gan.recipe.trained}}


def class_axes(recipe: Recipe) -> dict[str, int]:
    """The axes that stand for the classes, by the names of the tensors: those that grow with one class more."""
    one = checkpoint.skeleton(recipe).state_dict()
    more = checkpoint.skeleton(recipe.replace(labels=(*recipe.labels, ""))).state_dict()
    return {
        name: next(i for i, pair in enumerate(zip(v.shape, more[name].shape, strict=True)) if pair[0] != pair[1])
        for name, v in one.items()
        if v.shape != more[name].shape
    }


def describe(source: GAN, target: GAN, moves: tuple[Move, ...]) -> str:
    """One sentence: how much of each net is taken, and what is fresh."""
    state = target.state_dict()
    taken = {m.name: state[m.name].numel() * fraction(m, state[m.name]) for m in moves}

    def share(player: str) -> str:
        names = [name for name, _ in target.named_parameters() if name.startswith(player)]
        whole = sum(state[name].numel() for name in names)
        return f"{math.floor(100 * sum(taken.get(name, 0) for name in names) / max(1, whole) + 1e-9)} %"

    name, same = target.recipe.start_from, source.recipe.gan == target.recipe.gan
    text = f"Starts from {name}: {share('G.')} of the generator's weights"
    text += f" and {share('D.')} of the discriminator's are taken" if same else " are taken"
    before = {source.recipe.labels[i].casefold() for i in source.recipe.trained} if source.conditional else set()
    trained = [target.recipe.labels[i] for i in target.recipe.trained] if target.conditional else []
    classes = [label for label in trained if label.casefold() not in before]
    tensors = [key for key in state if key not in taken and (same or key.startswith("G."))]
    fresh = [f"the class{'es' * (len(classes) > 1)} {listed(classes)}"] if classes else []
    fresh += [] if same else [f"the discriminator, since {source.recipe.gan} trained another"]
    fresh += [listed(tensors)] if tensors else []
    return f"{text}; fresh: {', and '.join(fresh)}." if fresh else f"{text}."


def fraction(move: Move, value: Tensor) -> float:
    """How much of the tensor is taken, 0..1."""
    return 1.0 if move.axis is None else len(move.target) / value.shape[move.axis]


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
