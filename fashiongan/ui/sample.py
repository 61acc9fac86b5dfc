"""Sample: choose a checkpoint, draw garments, move them with sliders."""

import base64
import random
from functools import partial
from typing import Any

import gradio as gr

from .. import checkpoint, latent
from ..gan import GAN
from ..studio import Studio
from . import show, words

SLIDERS = 6
MOST = 100  # pictures on a sheet
ALL = "All classes"
FAVOURITE = "cdcgan"  # what the page opens on, if it is there

# By way of a blob, or the server's own name for the file would win over ours.
DOWNLOAD = """async () => {
  const shown = document.querySelector('#sheet img');
  if (!shown) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await (await fetch(shown.src)).blob());
  link.download = 'garments.png';
  link.click();
  URL.revokeObjectURL(link.href);
}"""


def tab(studio: Studio, page: gr.Blocks, this: gr.Tab) -> gr.Dropdown:
    """Build the tab; returns the list of checkpoints, so that others may choose one."""

    def sheet(
        checkpoint: str = FAVOURITE,
        label: str = ALL,
        n: int = 40,
        seed: int = 0,
        truncation: float = 1.0,
        slider_1: float = 0.0,
        slider_2: float = 0.0,
        slider_3: float = 0.0,
        slider_4: float = 0.0,
        slider_5: float = 0.0,
        slider_6: float = 0.0,
        across: int = 0,
    ) -> str:
        """Draw a sheet of garments.

        Args:
            checkpoint: a name from the page's list, such as "dcgan" or "runs/dcgan-1".
            label: a class by name or number, or "All classes".
            n: how many pictures, 1 to 100.
            seed: another seed draws other garments.
            truncation: 0 to 1.5; below 1 more typical, above 1 more varied.
            slider_1: offset along the generator's largest direction, -8 to 8 standard deviations; the others likewise.
                InfoGAN's come after its codes, which go from -2 to 2.
            across: number of a slider, 1 to 6, for a grid of every class along it; 0 for a sheet of garments.

        Returns:
            A PNG; its text field "fashiongan" holds this description as JSON.
        """
        gan = studio.gan(checkpoint)
        sliders = (slider_1, slider_2, slider_3, slider_4, slider_5, slider_6)
        ends = reaches(gan)
        look = latent.Look(
            checkpoint,
            int(show.number(n, 1, MOST, "Number of garments")),
            int(show.number(seed, 0, 2**31 - 1, "Seed")),
            None if label == ALL else label,
            show.number(truncation, 0, 1.5, "How varied"),
            tuple(show.number(s, -end, end, "A slider") for s, end in zip(sliders, ends, strict=True)),
            int(show.number(across, 0, SLIDERS, "The slider of a grid")),
        )
        return show.described_sheet(latent.picture(gan, look), latent.columns(gan, look), look.to_json())

    def chosen(name: str | None, label: str, across: int, *offsets: float) -> list[Any]:
        """What a checkpoint can be asked for, its sliders, and how it was made."""
        if not name:
            none = gr.Dropdown(choices=[ALL], value=ALL, visible=False)
            empty = "There is no checkpoint yet: the Train tab makes one."
            return [none, gr.skip(), *[gr.skip()] * SLIDERS, empty, gr.Accordion(visible=False)]
        gan = studio.gan(name)
        labels, ends = [ALL, *gan.choices.values()], reaches(gan)
        handles = latent.handles(gan, SLIDERS)
        rows = "Each class" if gan.conditional else "Each kind" if gan.choices else "Eight garments"
        sheets = [("Garments", 0), *((f"{rows} along {handle}", i + 1) for i, handle in enumerate(handles))]
        return [
            gr.Dropdown(choices=labels, value=label if label in labels else ALL, visible=bool(gan.choices)),
            gr.Dropdown(choices=sheets, value=across),
            *(
                gr.Slider(-end, end, max(-end, min(end, x)), label=handle)
                for end, x, handle in zip(ends, offsets, handles, strict=True)
            ),
            card(studio, name),
            gr.Accordion(open=False, visible=studio.film(name) is not None),
        ]

    with gr.Row():
        with gr.Column(scale=1, min_width=300, elem_classes="controls"):
            gr.Markdown(words.SAMPLE)
            models = gr.Dropdown(
                studio.names(),
                value=favourite(studio.names()),
                label="Checkpoint",
                info="bundled ones, and your own as soon as they are trained",
                elem_id="checkpoint",
            )
            label = gr.Dropdown([ALL], value=ALL, label="Class", visible=False, elem_id="label")
            across = gr.Dropdown([("Garments", 0)], value=0, label="Sheet", elem_id="across")
            n = gr.Slider(1, MOST, 40, step=1, label="Number of garments", elem_id="n")
            with gr.Row(elem_classes="together"):
                seed = gr.Number(0, precision=0, label="Seed", elem_id="seed", min_width=120)
                roll = gr.Button("Re-roll", elem_id="roll", size="md", min_width=100)
            truncation = gr.Slider(
                0,
                1.5,
                1,
                step=0.01,
                label="How varied",
                elem_id="truncation",
                info="towards 0 more typical, above 1 stranger (truncation psi)",
            )
            gr.Markdown(words.SLIDERS, elem_classes="caption")
            sliders = [
                gr.Slider(
                    -latent.REACH, latent.REACH, 0, step=0.1, label=f"Direction {i + 1}", elem_id=f"slider_{i + 1}"
                )
                for i in range(SLIDERS)
            ]
            level = gr.Button("Sliders to zero", elem_id="level", size="sm")
        with gr.Column(scale=2, min_width=320, elem_classes="picture"):
            out = gr.Image(
                format="png",
                interactive=False,
                show_label=False,
                buttons=["fullscreen"],
                elem_id="sheet",
                container=False,
                placeholder="Your garments appear here.",
                alt_text="generated garments",
            )
            gr.Button("Download PNG", elem_id="download", size="sm").click(None, js=DOWNLOAD, api_visibility="private")
            about = gr.Markdown(elem_id="about", elem_classes="caption")
            with gr.Accordion("How it learned", open=False, elem_id="growth") as growth:
                film = gr.HTML(elem_id="film")

    inputs = [models, label, n, seed, truncation, *sliders, across]
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    live: dict[str, Any] = {
        "trigger_mode": "always_last",
        "show_progress": "hidden",
        "concurrency_id": "sample",
        "concurrency_limit": 2,
    }
    draw = show.polite(sheet)
    known = [label, across, *sliders]
    classes = {"fn": show.polite(chosen), "inputs": [models, *known], "outputs": [*known, about, growth], **hidden}
    growth.expand(show.polite(lambda name: moving(studio, name)), models, film, **hidden)
    redraw = {"fn": draw, "inputs": inputs, "outputs": out, "api_visibility": "private", **live}
    gr.on([page.load, this.select], partial(listed, studio), models, models, **hidden).then(**classes).then(**redraw)
    models.input(**classes).then(**redraw)
    gr.on([x.input for x in (label, across, n, seed, truncation, *sliders)], **redraw)
    # Programs name a checkpoint and a class in plain text: a list on the page knows only what this visitor was shown.
    named_model, named_label = gr.Textbox(FAVOURITE, visible=False), gr.Textbox(ALL, visible=False)
    named = [named_model, named_label, *inputs[2:-1], gr.Number(0, visible=False)]
    gr.Button(visible=False).click(draw, named, out, api_name="sample", **live)
    roll.click(lambda: random.randrange(2**31), None, seed, **hidden).then(**redraw)
    level.click(lambda: [0] * SLIDERS, None, sliders, **hidden).then(**redraw)
    return models


def listed(studio: Studio, chosen: str | None) -> gr.Dropdown:
    """The checkpoints there are now, with one of them chosen."""
    names = studio.names()
    value = chosen if chosen in names else favourite(names)
    return gr.Dropdown(choices=[(title(n), n) for n in names], value=value)


def favourite(names: list[str]) -> str | None:
    """What the page opens on: the best bundled one, or the first there is."""
    return FAVOURITE if FAVOURITE in names else next(iter(names), None)


def reaches(gan: GAN) -> list[float]:
    """How far each slider goes: a code less far than a direction."""
    codes = min(gan.codes, SLIDERS)
    return [latent.CODE_REACH] * codes + [latent.REACH] * (SLIDERS - codes)


def title(name: str) -> str:
    """A checkpoint's name as people read it."""
    if name.endswith("/best.safetensors"):
        return f"{name.split('/')[-2]}, its best epoch (yours)"
    return f"{name.rsplit('/', 1)[-1]} (yours)" if "/" in name else f"{name} (bundled)"


def card(studio: Studio, name: str) -> str:
    """How a checkpoint was made, in a line, and what the judge says of it."""
    info, report = checkpoint.info(name), studio.report(name)
    epochs, seconds, device, command = (info.get(k, "?") for k in ("epochs", "seconds", "device", "command"))
    minutes = round(seconds / 60) if isinstance(seconds, int | float) else "?"
    verdict = f" Judged by a classifier: {report['verdict']}" if report and "verdict" in report else ""
    return f"Trained for {epochs} epochs, {minutes} min on {device}: `{command}`.{verdict}"


def moving(studio: Studio, name: str | None) -> str:
    """HTML: the GIF of a checkpoint's training."""
    path = studio.film(name) if name else None
    if path is None:
        return ""
    url = base64.b64encode(path.read_bytes()).decode()
    return f'<img src="data:image/gif;base64,{url}" alt="samples from the first epoch to the last">'
