"""What the Robustness tab's widgets do: list classifiers and targets, and start and stop curves and fits."""

from typing import Any

import gradio as gr

from ... import attacks, classifiers, limits
from ...classifiers import CertifiedRecipe, RobustRecipe
from ...errors import StudioError
from ...gans.recipe import knobs
from ...studio.robustness import RobustnessService
from ..shared import access, checkpoints, show

FAVOURITES = ("cnn", "robust", "certified")  # chosen when the tab opens, if they exist
ANY = "Any other class"


def first(names: list[str]) -> str | None:
    """The favourite, or the first in the list if it is missing."""
    return next((n for n in FAVOURITES if n in names), next(iter(names), None))


def defaults(name: str) -> list[Any]:
    """The epochs of a net's recipe, the adversary that it learns from, and what its strength means."""
    recipe = classifiers.recipe(name)
    strength = knobs(type(recipe))["eps"]
    adversary = recipe.adversarial if isinstance(recipe, CertifiedRecipe | RobustRecipe) else gr.skip()
    return [recipe.epochs, adversary, gr.Number(label=strength.label, info=strength.text)]


class Bench:
    """The handlers of the tab's widgets, which call one service."""

    def __init__(self, lab: RobustnessService):
        self.lab = lab

    def drawers(self) -> list[str]:
        """Checkpoints that may fit the classifiers. Whether one does is checked when it is chosen."""
        return self.lab.studio.names()

    def listed(self, one: str | None, several: list[str] | None, gan: str | None, source: str | None) -> list[Any]:
        """Updates of the lists of classifiers and checkpoints. A choice stays unless it is gone."""
        names, drawers = self.lab.names(), self.drawers()
        kept = [n for n in several or [] if n in names]

        def unless(good: bool, other: object) -> dict[str, object]:
            # A valid choice is not sent back: that would undo what the visitor has changed in the meantime.
            return {} if good else {"value": other}

        return [
            gr.Dropdown(choices=names, **unless(one in names, first(names))),
            gr.Dropdown(choices=names, **unless(kept == (several or []), kept)),
            gr.Dropdown(
                choices=checkpoints.titled(drawers),
                **unless(checkpoints.has(self.lab.studio, gan), checkpoints.favourite(drawers)),
            ),
            gr.Dropdown(
                choices=[("Test pictures", ""), *checkpoints.titled(drawers)],
                **unless(source == "" or checkpoints.has(self.lab.studio, source), ""),
            ),
        ]

    def targets(self, name: str | None, attack: str, chosen: str | None) -> gr.Dropdown:
        """The classes that an attack can target; none if the attack cannot be targeted."""
        if not name or not attacks.find(attack).targeted:
            return gr.Dropdown(choices=[ANY], value=ANY, interactive=False)
        labels = [ANY, *self.lab.classifier(name).recipe.labels]
        return gr.Dropdown(choices=labels, value=chosen if chosen in labels else ANY, interactive=True)

    def curve(
        self,
        visitor: str | None,
        names: list[str] | None,
        kinds: list[str] | None,
        strengths: str,
        masks: list[str] | None,
        n: int | None,
        checkpoint: str | None,
    ) -> str:
        visitor = access.name_of(visitor)
        if not masks:
            raise StudioError("Choose which pixels may change: the garment's own, all, or both.")
        n = int(show.number(n, 1, limits.CURVE_PICTURES, "Pictures"))
        self.lab.start_curve(names or [], kinds or [], strengths or "", masks, n, checkpoint or None, visitor)
        return visitor

    def fit(
        self, visitor: str | None, name: str, adversarial: str, eps: float | None, epochs: int | None, merge: str
    ) -> str:
        self.lab.studio.check_private("Training")
        visitor = access.name_of(visitor)
        changes = {"adversarial": adversarial, "eps": eps, "epochs": epochs, "merge": merge or ""}
        self.lab.start_fit(classifiers.recipe(name, **changes), visitor)
        return visitor

    def stop_curve(self, visitor: str | None, request: gr.Request) -> None:
        if not access.may(self.lab.studio, self.lab.curves.owner, visitor, request):
            raise StudioError("Only the visitor who started this curve can stop it.")
        self.lab.stop_curve()

    def stop_fit(self, visitor: str | None, request: gr.Request) -> None:
        if not access.may(self.lab.studio, self.lab.fit.owner, visitor, request):
            raise StudioError("Only the visitor who started this training can stop it.")
        self.lab.stop_fit()

    def buttons(self, visitor: str | None, request: gr.Request) -> list[Any]:
        """Show the buttons that make sense now: Compute it or Stop, Train it or Stop."""
        updates = []
        for job, owner in ((self.lab.curves.job, self.lab.curves.owner), (self.lab.fit.job, self.lab.fit.owner)):
            alive = job is not None and job.alive
            updates += [
                gr.Button(visible=not alive),
                gr.Button(visible=alive, interactive=access.may(self.lab.studio, owner, visitor, request)),
            ]
        return updates
