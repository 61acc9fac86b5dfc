"""What the Train tab's widgets do: start, pause, stop and queue runs, fill the fields, send a checkpoint to the Hub."""

from typing import Any

import gradio as gr

from ... import gans, hub
from ...errors import StudioError
from ...gans.recipe import Knob, Recipe, knobs
from ...release import model_card
from ...studio import Studio
from ..shared import access, checkpoints, words

QUICK, FULL = "Quick look (minutes)", "Full recipe"


def all_knobs() -> dict[str, Knob]:
    """Every knob of every GAN, except for the data, which has its own widgets."""
    every: dict[str, Knob] = {}
    for cls in gans.GANS.values():
        every = {**knobs(cls.recipe_type), **every}
    return {name: k for name, k in every.items() if name != "data"}


class Desk:
    """The handlers of the tab's widgets, which call one studio."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.names = all_knobs()

    def recipe(self, gan: str, source: str, values: tuple[Any, ...]) -> Recipe:
        mine = knobs(gans.find(gan).recipe_type)
        changes = {
            name: v or None if mine[name].default is None else v  # an empty number field may arrive as 0
            for name, v in zip(self.names, values, strict=True)
            if name in mine and v is not None
        }
        return gans.new_recipe(gan, data=source, **changes)

    def start(self, visitor: str | None, gan: str, source: str, *values: Any) -> str:
        self.studio.check_training()
        visitor = access.name_of(visitor)
        self.studio.start(self.recipe(gan, source, values), visitor)
        return visitor

    def enqueue(self, visitor: str | None, gan: str, source: str, *values: Any) -> str:
        self.studio.check_training()
        visitor = access.name_of(visitor)
        self.studio.enqueue(self.recipe(gan, source, values), visitor)
        return visitor

    def cancel(self, visitor: str | None, number: int | None, request: gr.Request) -> None:
        self.studio.check_training()
        entry = next((w for w in self.studio.waiting if w.number == number), None)
        if entry is not None and not access.may(self.studio, entry.owner, visitor, request):
            raise StudioError("Only the visitor who queued this run can take it out of the queue.")
        self.studio.cancel(number or 0)

    def pause(self, visitor: str | None, request: gr.Request) -> None:
        self.studio.check_private("Training")
        access.check_control(self.studio, visitor, request)
        self.studio.pause()

    def resume(self, visitor: str | None, source: str, request: gr.Request) -> str:
        self.studio.check_private("Training")
        if self.studio.run is not None and self.studio.run.alive:
            access.check_control(self.studio, visitor, request)
        visitor = access.name_of(visitor)
        self.studio.go_on(visitor, source)
        return visitor

    def stop(self, visitor: str | None, request: gr.Request) -> None:
        self.studio.check_training()
        access.check_control(self.studio, visitor, request)
        self.studio.stop()

    def buttons(self, visitor: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Show the buttons that make sense now (Start, Pause, Resume, Stop, Sample it, Save to the Hub, Queue it), and
        the queue."""
        status, may = self.studio.status(), access.may_control(self.studio, visitor, request)
        owner, train = not self.studio.restricted, self.studio.may_train
        state = status.state
        alive = state in ("running", "paused")
        waiting = [(f"{i}. {w.gan}", w.number) for i, w in enumerate(status.queue, 1)]
        return (
            gr.Button(visible=not alive, interactive=train),
            gr.Button(visible=state == "running", interactive=may and owner),
            gr.Button(visible=state in ("paused", "stopped", "failed"), interactive=(may or not alive) and owner),
            gr.Button(visible=alive, interactive=may),
            gr.Button(visible=bool(status.checkpoint)),
            gr.Accordion(visible=bool(status.checkpoint) and access.trusted(self.studio, request)),
            gr.Button(visible=alive, interactive=train),
            gr.Row(visible=bool(waiting)),
            gr.Dropdown(choices=waiting, value=waiting[0][1] if waiting else None),
        )

    def advised(self, recipe: Recipe) -> list[Any]:
        """The values of all widgets for a recipe: the GAN, how long, and the fields."""
        return [recipe.gan, FULL, *self.filled({n: getattr(recipe, n) for n in knobs(type(recipe))})]

    def starts(self) -> list[tuple[str, str]]:
        """What a run may start from: nothing, or one of the listed checkpoints."""
        return [(words.FRESH, ""), *checkpoints.titled(self.studio.names())]

    def started(self, name: str) -> list[Any]:
        """The values of all widgets for a run that starts from a checkpoint: its GAN, and its sizes and rates."""
        if not name:
            return [gr.skip()] * (2 + len(self.names))
        return self.advised(self.studio.recipe_from(name))

    def values(self, gan: str, how_long: str) -> dict[str, object]:
        """Every knob of a GAN with its value."""
        recipe = gans.find(gan).recipe_type
        return {name: k.default for name, k in knobs(recipe).items()} | (recipe.quick if how_long == QUICK else {})

    def settings(self, gan: str, how_long: str) -> list[Any]:
        """Updates of the fields for a GAN. Fields that it does not have are hidden."""
        return self.filled(self.values(gan, how_long))

    def filled(self, values: dict[str, object]) -> list[Any]:
        """Updates of all fields: those in `values` get their value, the others are hidden."""
        return [
            gr.update(value=values[n], visible=True) if n in values else gr.update(visible=False) for n in self.names
        ]

    def push(self, repo: str, request: gr.Request) -> str:
        """Upload the shown run's checkpoint to the Hub with a card. Only the local user may, because it uses their
        token."""
        access.check_at_the_machine(self.studio, request, "Saving to the Hub")
        name = self.studio.status().checkpoint
        if name is None:
            raise StudioError("There is no checkpoint to send yet: train one.")
        files = model_card.files(name, repo.strip())
        address = hub.send(repo.strip(), files, f"Add {next(iter(files))}")
        return words.PUSHED.format(files=", ".join(files), address=address)

    def sample_it(self) -> tuple[gr.Tabs, gr.Dropdown]:
        return gr.Tabs(selected="sample"), checkpoints.listed(self.studio, self.studio.status().checkpoint)
