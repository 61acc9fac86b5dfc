"""Compare: several models on the same seeds, their scores, their curves, and duels of equal budget."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr

from ... import gans, limits
from ...checked import checked
from ...errors import StudioError
from ...gans.recipe import Recipe
from ...studio import Studio, compare, score_table
from ..shared import access, checkpoints, show, words
from ..shared.events import HIDDEN
from ..shared.panel import html_panel
from . import drawing

HERE = Path(__file__).parent
FAVOURITES = ("acgan", "lsgan", "studio")  # chosen when the tab opens, as far as they are there
STEPS = 500  # default length of a duel, in updates
# panel.js fetches what the panel lacks. The panel may be mounted later than the event, so the choice is kept.
TELL = """(names, seed, near) => {
  window.fashionganCompare = {names, seed, near};
  document.dispatchEvent(new Event('fashiongan-compare'));
}"""


def tab(studio: Studio, this: gr.Tab, visitor: gr.BrowserState) -> None:
    """Build the tab. `visitor` becomes the owner of the duels that are started here."""
    bench = Bench(studio)
    with gr.Row(elem_id="compare_row"):
        with gr.Column(scale=1, min_width=280, elem_classes=["controls", "lines"]):
            gr.Markdown(words.COMPARE)
            models = gr.Dropdown(
                checkpoints.titled(studio.names()),
                value=first(studio.names()),
                multiselect=True,
                max_choices=limits.MODELS,
                allow_custom_value=True,
                label="Models",
                info=f"two to six: {checkpoints.info(studio)}",
                elem_id="models",
            )
            with gr.Row(elem_classes="together"):
                seed = gr.Number(0, precision=0, label="Seed", elem_id="compare_seed", min_width=120, scale=3)
                roll = gr.Button("Re-roll", elem_id="compare_roll", size="sm", min_width=80, scale=1)
            near = gr.Checkbox(False, label="Nearest real garments", info=words.NEAREST, elem_id="near")
        with gr.Column(scale=3, min_width=320, elem_id="compare_panel"):
            panel = side_by_side(studio)
        private = not studio.public
        with gr.Column(elem_id="compare_more", elem_classes=["controls", "lines"]):
            score = gr.Button("Score them", size="md", elem_id="score", visible=private)
            gr.Markdown(words.SCORER, elem_classes="caption", visible=private)
            with gr.Accordion("A duel of equals", open=False, elem_id="duel", elem_classes="lines", visible=private):
                gr.Markdown(words.DUEL)
                rivals = gr.Dropdown(
                    list(gans.GANS),
                    value=["dcgan", "lsgan", "wgan-gp"],
                    multiselect=True,
                    max_choices=limits.MODELS,
                    label="GANs",
                    elem_id="rivals",
                )
                steps = gr.Number(STEPS, precision=0, label="Steps each", elem_id="duel_steps")
                train = gr.Button("Train them", size="md", elem_id="duel_go")
                queued = gr.Markdown(elem_id="queued")

    tell: dict[str, Any] = {"fn": None, "inputs": [models, seed, near], "js": TELL, **HIDDEN}
    gr.on([this.select, *(c.change for c in (models, seed, near))], **tell)
    # panel.js reports new checkpoints and scores.
    gr.on([this.select, panel.change], bench.listed, models, models, **HIDDEN)
    left: dict[str, Any] = {"fn": bench.left, "inputs": models, "outputs": score, **HIDDEN}
    gr.on([this.select, panel.change, models.change], **left, trigger_mode="always_last")
    roll.click(lambda: random.randrange(limits.PAGE_SEED + 1), None, seed, **HIDDEN)
    watch: dict[str, Any] = {
        "fn": None,
        "js": "() => document.dispatchEvent(new Event('fashiongan-scored'))",
        **HIDDEN,
    }
    score.click(show.polite(bench.score), models, None, **HIDDEN).then(**watch).then(**left)
    train.click(show.polite(bench.duel), [visitor, rivals, steps], [visitor, queued], **HIDDEN)


def first(names: list[str]) -> list[str]:
    """The favourites, or the first three checkpoints if fewer than two favourites are there."""
    liked = [name for name in FAVOURITES if name in names]
    return liked if len(liked) >= 2 else names[:3]


def side_by_side(studio: Studio) -> gr.HTML:
    """The right side of the tab: panel.html. panel.js fills it by calling these functions, which check all inputs.

    drawing.py draws their answers.
    """

    @show.answered
    @show.at_most(2)
    def models(request: Any) -> drawing.Board:
        table = score_table.models(studio, compare.checked_names(request, studio))
        return drawing.board(named(table.models), table, studio.scoring_status())

    @show.answered
    @show.at_most(2)
    def pictures(request: Any) -> dict[str, tuple[drawing.GridRow, ...]]:
        return grid(studio, *chosen(studio, request))

    @show.answered
    @show.at_most(1)
    def neighbours(request: Any) -> dict[str, tuple[drawing.GridRow, ...]]:
        names, seed = chosen(studio, request)
        return grid(studio, names, seed, compare.neighbours(studio, names, seed))

    @show.answered
    def status(_: Any) -> drawing.Status:
        run = studio.status()
        return drawing.status(studio.names(), studio.scoring_status(), f"{run.run} {run.state}")

    functions = [models, pictures, neighbours, status]
    return html_panel(HERE, "compare", functions)


def named(entries: Iterable[score_table.Entry]) -> list[drawing.Model]:
    return [drawing.Model(i, checkpoints.title(e.name), e.about) for i, e in enumerate(entries)]


def grid(
    studio: Studio, names: list[str], seed: int, near: list[compare.NeighbourRow] | None = None
) -> dict[str, tuple[drawing.GridRow, ...]]:
    """The pictures of the models, with their neighbours where those are known."""
    models = named(score_table.model(studio, name) for name in names)
    return {"rows": drawing.grid(models, compare.rows(studio, names, seed), near)}


def chosen(studio: Studio, request: Any) -> tuple[list[str], int]:
    """The models and the seed of [names, seed], or StudioError."""
    names, seed = checked(tuple[object, object], request, "A comparison takes a list of checkpoints and a seed.")
    return compare.checked_names(names, studio), compare.checked_seed(seed)


class Bench:
    """The handlers of the tab's widgets, which call one studio."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def unscored(self, names: list[str]) -> list[str]:
        """The checkpoints among `names` that have no scores yet and are not queued for scoring."""
        status = self.studio.scoring_status()
        busy = [status.name, *status.waiting] if status.busy else []
        return [name for name in names if name not in busy and not score_table.model(self.studio, name).scored]

    def listed(self, chosen: list[str] | None) -> gr.Dropdown:
        """An update of the list of checkpoints. A choice stays unless its checkpoint is gone."""
        names, chosen = self.studio.names(), chosen or []
        kept = [name for name in chosen if checkpoints.has(self.studio, name)]
        # Sent back unchanged, the choice would undo what the visitor has done meanwhile.
        changed = {"value": kept} if kept != chosen else {}
        return gr.Dropdown(choices=checkpoints.titled(names), **changed)

    def left(self, names: list[str] | None) -> gr.Button:
        """The button to score, if there is something for it to do."""
        return gr.Button(interactive=bool(self.unscored(names or [])))

    def score(self, names: list[str] | None) -> None:
        self.studio.check_private("Scoring")
        left = self.unscored(names or [])
        if not left:
            raise StudioError("All of these are scored, or are being scored: choose another model.")
        self.studio.score(left)

    def duel(self, visitor: str | None, rivals: list[str] | None, steps: int | None) -> tuple[str, str]:
        """Queue a run for each GAN, with otherwise equal settings. All are queued, or none."""
        self.studio.check_private("Training")
        if not rivals:
            raise StudioError("Choose the GANs that shall be trained.")
        recipes = [duellist(gan, steps) for gan in rivals]
        visitor = access.name_of(visitor)
        self.studio.enqueue_all(recipes, visitor)
        return visitor, words.QUEUED.format(gans=", ".join(rivals), steps=f"{recipes[0].steps:,}")


def duellist(gan: str, steps: int | None) -> Recipe:
    """The GAN's quick recipe, with the same steps and batch size for every GAN of the duel."""
    quick = gans.find(gan).recipe_type.quick
    changes = {k: v for k, v in quick.items() if k != "epochs"} | {"batch": Recipe.quick["batch"], "steps": steps or 0}
    return gans.new_recipe(gan, **changes)
