"""The Robustness tab: one garment under attack, accuracy against noise strength, and the training of defences."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ... import attacks, classifiers, limits
from ...checked import checked
from ...errors import StudioError
from ...evaluation import robustness
from ...gans.recipe import knobs
from ...studio.attacked import Picture
from ...studio.robustness import AttackSpec, RobustnessService
from ..shared import checkpoints, show, words
from ..shared.events import HIDDEN, Event
from ..shared.panel import html_panel
from ..shared.show import answered
from . import drawing
from .bench import ANY, FAVOURITES, Bench, defaults, first
from .upload import OWN, taken

HERE = Path(__file__).parent
TEST, DRAWN = "A test picture", "One that a GAN draws"
FIRST = 16  # a pullover that is classified as a shirt after a change too small to see
MASKS = {"garment": "Only the garment's own", "none": "All"}
TEST_PICTURES = 10_000
STRENGTHS = "0, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3"
ADVERSARIES = {"none": "None: as usual", "fgsm": "One step (FGSM)", "pgd": "Several steps (PGD)"}
# The browser tells panel.js which values are chosen, and panel.js fetches the results. The values are also stored,
# because the panel may be mounted later.
TELL = """(kind, number, checkpoint, label, pixels, classifier, attack, mask, target) => {
  window.fashionganRobust = {kind, number, checkpoint, label, pixels, classifier, attack, mask, target};
  document.dispatchEvent(new Event('fashiongan-robust'));
}"""
REFRESH = "() => { document.dispatchEvent(new Event('fashiongan-robust-update')); }"


@dataclass(frozen=True)
class Garment:
    """The widgets that say which picture is attacked."""

    kind: gr.Radio
    numbered: gr.Row
    number: gr.Number
    roll: gr.Button
    gan: gr.Dropdown
    upload: gr.File
    note: gr.Markdown


def garment_form(lab: RobustnessService, drawers: list[str]) -> Garment:
    """Build them."""
    kind = gr.Radio([TEST, DRAWN, OWN], value=TEST, label="Garment", elem_id="garment")
    with gr.Row(elem_classes="together", visible=True) as numbered:
        number = gr.Number(FIRST, precision=0, label="Number", elem_id="picture", min_width=120, scale=3)
        roll = gr.Button("Another", elem_id="another", size="sm", min_width=80, scale=1)
    gan = gr.Dropdown(
        checkpoints.titled(drawers),
        value=checkpoints.favourite(drawers),
        allow_custom_value=True,
        label="Checkpoint",
        info=checkpoints.info(lab.studio),
        visible=False,
        elem_id="robust_gan",
    )
    # A file, not an image: Gradio would open an image before we can say what is wrong with it.
    upload = gr.File(
        file_types=["image"], type="filepath", label="Your picture", visible=False, height=140, elem_id="upload"
    )
    note = gr.Markdown(words.ATTACKED, elem_classes="caption", visible=False)
    return Garment(kind, numbered, number, roll, gan, upload, note)


@dataclass(frozen=True)
class Attack:
    """The widgets that say by what it is attacked, and which classifier is to be fooled."""

    classifier: gr.Dropdown
    attack: gr.Dropdown
    mask: gr.Radio
    target: gr.Dropdown


def attack_form(names: list[str], titles: list[tuple[str, str]]) -> Attack:
    """Build them."""
    return Attack(
        gr.Dropdown(names, value=first(names), label="Classifier", info="bundled, and your own", elem_id="classifier"),
        gr.Dropdown(titles, value="fgsm", label="Attack", info=attacks.ATTACKS["fgsm"].text, elem_id="attack"),
        gr.Radio(
            [(title, name) for name, title in MASKS.items()],
            value="garment",
            label="Pixels that may change",
            elem_id="mask",
        ),
        gr.Dropdown([ANY], value=ANY, label="To be taken for", elem_id="target"),
    )


def tab(lab: RobustnessService, this: gr.Tab, visitor: gr.BrowserState) -> gr.File:
    """Build the tab. `visitor` owns the curves and fits that are started here. Returns the widget for uploads."""
    bench = Bench(lab)
    names, drawers = lab.names(), bench.drawers()
    titles = [(kind.title, name) for name, kind in attacks.ATTACKS.items()]
    with gr.Row(elem_id="robust_row"):
        with gr.Column(scale=1, min_width=280, elem_classes=["controls", "lines"]):
            gr.Markdown(words.ROBUST)
            g, a = garment_form(lab, drawers), attack_form(names, titles)
            with gr.Accordion("The curve", open=False, elem_id="curve_settings", elem_classes="lines"):
                curve = curve_form(names, titles, drawers)
        with gr.Column(scale=3, min_width=320, elem_id="robust_panel"):
            panel = watch(lab)
        with gr.Column(elem_id="robust_more", elem_classes=["controls", "lines"]):
            public = lab.studio.public
            with gr.Accordion(
                "Train a defence", open=False, elem_id="defence", elem_classes="lines", visible=not public
            ):
                defence = defence_form()
    wire_attack(bench, this, g, a)
    # panel.js reports new classifiers, and jobs that begin and end.
    listed = [a.classifier, curve["classifiers"], g.gan, curve["checkpoint"]]
    gr.on([this.select, panel.change], bench.listed, listed, listed, **HIDDEN)
    wire_jobs(bench, [this.select, panel.change], visitor, curve, defence)
    return g.upload


def wire_attack(bench: Bench, this: gr.Tab, g: Garment, a: Attack) -> None:
    """Connect what is attacked, and by what, with the panel."""
    pixels, label = gr.Textbox("", visible=False), gr.Textbox("", visible=False)
    chosen = [g.kind, g.number, g.gan, label, pixels, a.classifier, a.attack, a.mask, a.target]
    tell: Event = {"fn": None, "inputs": chosen, "js": TELL, **HIDDEN}
    gr.on([this.select, *(c.change for c in chosen)], **tell)
    g.kind.change(sources, g.kind, [g.numbered, g.gan, g.upload, g.note, g.number], **HIDDEN)
    g.roll.click(lambda: random.randrange(TEST_PICTURES), None, g.number, **HIDDEN)
    # Also a picture that another tab has sent here.
    g.upload.change(show.polite(taken), g.upload, [pixels, g.kind], **HIDDEN)
    a.attack.change(lambda name: gr.Dropdown(info=attacks.find(name).text), a.attack, a.attack, **HIDDEN)
    aims: Event = {"fn": show.polite(bench.targets), "inputs": [a.classifier, a.attack, a.target]}
    gr.on([this.select, a.classifier.change, a.attack.change], **aims, outputs=a.target, **HIDDEN)


def wire_jobs(
    bench: Bench,
    changes: list[Any],
    visitor: gr.BrowserState,
    curve: dict[str, gr.components.Component],
    defence: dict[str, gr.components.Component],
) -> None:
    """Connect the buttons that start and stop curves and fits. `changes`: events after which they may be others."""
    refresh: Event = {"fn": None, "js": REFRESH, **HIDDEN}
    buttons: Event = {"fn": bench.buttons, "inputs": visitor}
    buttons |= {"outputs": [curve["go"], curve["halt"], defence["go"], defence["halt"]], **HIDDEN}
    gr.on(changes, **buttons)
    inputs = [visitor, *(curve[k] for k in ("classifiers", "attacks", "strengths", "masks", "n", "checkpoint"))]
    recipe = [visitor, *(defence[k] for k in ("classifier", "adversarial", "eps", "epochs", "merge"))]
    for clicked in (
        curve["go"].click(show.polite(bench.curve), inputs, visitor, **HIDDEN),
        curve["halt"].click(show.polite(bench.stop_curve), visitor, None, **HIDDEN),
        defence["go"].click(show.polite(bench.fit), recipe, visitor, **HIDDEN),
        defence["halt"].click(show.polite(bench.stop_fit), visitor, None, **HIDDEN),
    ):
        clicked.then(**refresh).then(**buttons)
    filled = [defence[k] for k in ("epochs", "adversarial", "eps")]
    defence["classifier"].change(defaults, defence["classifier"], filled, **HIDDEN)


def curve_form(
    names: list[str], titles: list[tuple[str, str]], drawers: list[str]
) -> dict[str, gr.components.Component]:
    """The settings of a curve, and the buttons that start and stop it."""
    gr.Markdown(words.CURVE, elem_classes="caption")
    return {
        "classifiers": gr.Dropdown(
            names,
            value=[n for n in FAVOURITES if n in names],
            multiselect=True,
            label="Classifiers",
            elem_id="curve_of",
        ),
        "attacks": gr.Dropdown(titles, value=["fgsm"], multiselect=True, label="Attacks", elem_id="curve_by"),
        "masks": gr.CheckboxGroup(
            [(title, name) for name, title in MASKS.items()], value=["garment"], label="Pixels that may change"
        ),
        "strengths": gr.Textbox(
            STRENGTHS,
            max_length=500,
            label="Noise strengths",
            info="from 0 to 1, Euclidean to 10; 8/255 is understood",
            elem_id="eps",
        ),
        "n": gr.Number(1000, precision=0, label="Pictures", info=f"1 to {limits.CURVE_PICTURES:,}", elem_id="curve_n"),
        "checkpoint": gr.Dropdown(
            [("Test pictures", ""), *checkpoints.titled(drawers)],
            value="",
            allow_custom_value=True,
            label="Taken from",
            elem_id="curve_from",
        ),
        "go": gr.Button("Compute it", size="md", variant="primary", elem_id="curve_go"),
        "halt": gr.Button("Stop", size="md", variant="stop", visible=False, elem_id="curve_stop"),
    }


def defence_form() -> dict[str, gr.components.Component]:
    """The settings of a classifier's training, and the buttons that start and stop it."""
    settings = knobs(classifiers.RobustRecipe)
    gr.Markdown(words.DEFENCE, elem_classes="caption")
    return {
        "classifier": gr.Dropdown(
            [(f"{name}: {cls.title}", name) for name, cls in classifiers.CLASSIFIERS.items()],
            value="robust",
            label="Net",
            elem_id="fit_net",
        ),
        "adversarial": gr.Radio(
            [(title, name) for name, title in ADVERSARIES.items()],
            value="pgd",
            label=settings["adversarial"].label,
            elem_id="fit_adversary",
        ),
        "eps": gr.Number(0.1, label=settings["eps"].label, info=settings["eps"].text, elem_id="fit_eps"),
        "epochs": gr.Number(
            settings["epochs"].default, precision=0, label="Epochs", info=settings["epochs"].text, elem_id="fit_epochs"
        ),
        "merge": gr.Textbox(
            "", max_length=500, label=settings["merge"].label, info=settings["merge"].text, elem_id="fit_merge"
        ),
        "go": gr.Button("Train it", size="md", variant="primary", elem_id="fit_go"),
        "halt": gr.Button("Stop", size="md", variant="stop", visible=False, elem_id="fit_stop"),
    }


def sources(kind: str) -> list[Any]:
    """Show the fields that the chosen source of the garment needs."""
    label = "Seed" if kind == DRAWN else "Number"
    return [
        gr.Row(visible=kind != OWN),
        gr.Dropdown(visible=kind == DRAWN),
        gr.File(visible=kind == OWN),
        gr.Markdown(visible=kind == OWN),
        gr.Number(label=label),
    ]


def watch(lab: RobustnessService) -> gr.HTML:
    """The right side of the tab: panel.html. panel.js fills it by calling these functions, which check all inputs."""

    @answered
    @show.at_most(2)
    def attack(request: Any) -> drawing.View:
        picture, eps = checked(tuple[object, object], request, "An attack takes what is attacked and a noise strength.")
        spec = described(picture, eps)
        return drawing.view(lab.attack(spec), spec.attack)

    @answered
    @show.at_most(1)
    def smallest(request: Any) -> drawing.Smallest:
        return drawing.smallest(lab.smallest(described(request, 0.0)))

    @answered
    def status(request: Any) -> drawing.Update:
        try:
            curve, fit = checked(tuple[int, int], request, "")
        except StudioError:  # a reader that has no data yet
            curve, fit = -1, -1
        return drawing.update(lab.updates(curve, fit), sum(p.seconds for p in list(lab.curves.points.values())))

    def csv(_: Any) -> str:
        return robustness.table(list(lab.curves.points.values()))

    strongest = {name: kind.norm.most for name, kind in attacks.ATTACKS.items()}
    return html_panel(HERE, "robust", [attack, smallest, status, csv], strongest=strongest)


@dataclass(frozen=True)
class Question:
    """The panel's request: which picture is attacked, and how."""

    kind: str | None = None
    number: object = None
    checkpoint: str | None = None
    label: str | None = None
    pixels: str | None = None
    classifier: str | None = None
    attack: str | None = None
    mask: str | None = None
    target: str | None = None


def described(request: object, eps: Any) -> AttackSpec:
    """The panel's request as an AttackSpec; StudioError if it is invalid."""
    q: Question = checked(Question, request, "That is no attack: reload the page.")
    kind = {TEST: "test", DRAWN: "generated", OWN: "own"}.get(q.kind or "", "test")
    if kind == "own" and not q.pixels:
        raise StudioError("Upload a picture of a garment: it appears here, and can be attacked.")
    named = "Seed" if kind == "generated" else "Number"
    number = 0 if kind == "own" else int(show.number(q.number, 0, limits.PAGE_SEED, named))
    return AttackSpec(
        Picture(kind, number, q.checkpoint or "", q.label or None, q.pixels or ""),
        q.classifier or "",
        q.attack or "",
        attacks.check_eps(eps, q.attack or "fgsm"),
        q.mask or "",
        None if not q.target or q.target == ANY else q.target,
    )
