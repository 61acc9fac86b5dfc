"""The API for programs: all named endpoints except for /sample and /enlarge, each with a docstring and defaults."""

from dataclasses import replace
from pathlib import Path

import gradio as gr

from .. import gans
from ..checked import parsed
from ..colorize import cutouts, engine, transparency
from ..errors import StudioError
from ..evaluation import robustness
from ..evaluation.robustness import CurveReport
from ..studio import RunStatus, Studio, in_color
from ..studio.attacked import Picture
from ..studio.colorize import ColorizeService
from ..studio.robustness import AttackSpec, RobustnessService
from .arguments import AttackArguments, AttackedAtLeast, ColorizeArguments, CurveArguments, TrainArguments, arguments
from .enlarge_endpoint import EnlargeEndpoint
from .shared import access, edge, fields, show

OPTIONS = 'options takes a JSON object, such as {"width": 32}.'
PLACES = 'hints takes a JSON list, such as [{"x": 0.5, "y": 0.3, "colour": "teal"}].'


def add_endpoints(studio: Studio, service: RobustnessService, colorizing: ColorizeService) -> None:
    """Add the endpoints of training, attacks and colorizing to the page that is being built."""
    TrainingEndpoints(studio).add()
    AttackEndpoints(service).add()
    ColorEndpoints(colorizing).add()
    CutoutEndpoint().add()
    EnlargeEndpoint(studio).add()


class TrainingEndpoints:
    """Start, watch and stop the run."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def add(self) -> None:
        gr.api(show.polite(edge.as_json(self.train_start)), api_name="train_start")
        gr.api(edge.as_json(self.train_status), api_name="train_status", concurrency_limit=None)
        gr.api(show.polite(edge.as_json(self.train_stop)), api_name="train_stop")

    def train_start(
        self,
        gan: str = "dcgan",
        data: str = "fashion-mnist",
        size: int = 28,
        classes: str = "",
        limit: int = 0,
        epochs: int = 20,
        steps: int = 0,
        batch: int = 128,
        seed: int = 0,
        options: str = "{}",
        request: gr.Request = None,  # type: ignore[assignment]  # gradio fills it in
    ) -> RunStatus:
        """Start a training run; refused while another is going on.

        Args:
            gan: which GAN, as `python train.py --list` names them.
            data: fashion-mnist, or a folder on the server with one sub-folder a class.
            size: pixels, 28 to 128.
            classes: names or numbers separated by commas; empty means all.
            limit: number of pictures; 0 means all.
            epochs: how often every picture is seen.
            steps: updates instead of epochs; 0 means go by epochs.
            batch: pictures per update.
            seed: of weights and noise.
            options: any other setting of the GAN's recipe, as a JSON object.

        Returns:
            The same as /train_status.
        """
        a = arguments(TrainArguments, gan=gan, options=options)
        chosen = {"data": data, "size": size, "classes": classes, "limit": limit or None, "epochs": epochs}
        chosen |= {"steps": steps or None, "batch": batch, "seed": seed}
        settings = parsed(dict[str, object], a.options or "{}", OPTIONS)
        if "gan" in settings:
            raise StudioError("options has no setting called 'gan': it is an argument of its own.")
        chosen |= settings
        self.studio.check_training()
        self.studio.start(gans.new_recipe(a.gan, **chosen), request.session_hash or "")
        return self.studio.status()

    def train_status(self) -> RunStatus:
        """What the run is doing.

        Returns:
            state (idle, running, paused, stopped, finished or failed), gan, step, steps, epoch, losses,
            images_per_second, seconds_left, error.
        """
        return self.studio.status()

    def train_stop(self, request: gr.Request = None) -> RunStatus:  # type: ignore[assignment]
        """Stop the run and save it; it can be resumed.

        Returns:
            The same as /train_status.
        """
        self.studio.check_training()
        access.check_control(self.studio, request.session_hash, request)
        self.studio.stop()
        return self.studio.status()


class AttackEndpoints:
    """Attack one garment, or many for a curve."""

    def __init__(self, service: RobustnessService):
        self.service = service

    def add(self) -> None:
        gr.api(show.polite(edge.as_json(self.attack)), api_name="attack")
        gr.api(show.polite(edge.as_json(self.robustness_curve)), api_name="robustness_curve", concurrency_limit=1)

    def attack(
        self,
        classifier: str = "cnn",
        attack: str = "fgsm",
        eps: float = 0.025,
        mask: str = "garment",
        number: int = 0,
        checkpoint: str = "",
        target: str = "",
        seed: int = 0,
    ) -> AttackedAtLeast:
        """Attack one garment.

        Args:
            classifier: a name from the page's list, such as "cnn".
            attack: noise, fgsm, pgd, pgd-5, pgd-l2 or ensemble.
            eps: noise strength, 0 to 1, where 1 is from black to white.
            mask: garment, only its own pixels change, or none.
            number: which test picture, 0 to 9999, or the seed of a generated one.
            checkpoint: a GAN that draws the garment; empty takes a test picture.
            target: a class that it shall be taken for; empty means any wrong one.
            seed: of the attack's random generator.

        Returns:
            class, said (before and after), fooled, confidences (before and after) with their labels, before, added
            (magnified) and after as PNG data URLs, and least, the smallest strength found that fools, in 255ths.
        """
        a = arguments(
            AttackArguments, classifier=classifier, attack=attack, eps=eps, mask=mask, number=number,
            checkpoint=checkpoint, target=target, seed=seed,
        )  # fmt: skip
        picture = Picture("generated" if a.checkpoint else "test", a.number, a.checkpoint)
        spec = AttackSpec(picture, a.classifier, a.attack, a.eps, a.mask, a.target or None, a.seed)
        return AttackedAtLeast(**vars(self.service.attack(spec)), **vars(self.service.smallest(spec)))

    def robustness_curve(
        self,
        classifier: str = "cnn",
        attack: str = "fgsm",
        eps: str = "0,0.025,0.05,0.1",
        mask: str = "garment",
        limit: int = 200,
        checkpoint: str = "",
        target: str = "",
        seed: int = 0,
    ) -> CurveReport:
        """Accuracy against noise strength; the answer comes when all pictures are attacked.

        Args:
            classifier: a name from the page's list, such as "cnn".
            attack: noise, fgsm, pgd, pgd-5, pgd-l2 or ensemble.
            eps: noise strengths from 0 to 1, separated by commas; 8/255 is understood.
            mask: garment, only its own pixels change, or none.
            limit: how many of the first test pictures, or of generated ones.
            checkpoint: a GAN that draws the garments; empty takes test pictures.
            target: a class that the others shall be taken for; empty means any wrong one.
            seed: of the attack's random generator.

        Returns:
            The same as `python -m fashiongan attack --json`: points with eps, eps_255, accuracy, interval, confused;
            of a classifier with bounds also certified, with the accuracy below which no attack of each eps gets.
        """
        a = arguments(
            CurveArguments, classifier=classifier, attack=attack, eps=eps, mask=mask, limit=limit,
            checkpoint=checkpoint, target=target, seed=seed,
        )  # fmt: skip
        strengths, goal = robustness.epsilons(a.eps, [a.attack]), a.target or None
        self.service.check_work([a.classifier], [a.attack], strengths, [a.mask], a.limit)
        chosen = self.service.garments(a.limit, a.checkpoint or None, a.seed)
        nets = {a.classifier: self.service.classifier(a.classifier)}
        points = list(robustness.curve(nets, chosen, [a.attack], strengths, [a.mask], target=goal, seed=a.seed))
        return robustness.report([p for p in points if p.whole], chosen.source, goal)


class ColorEndpoints:
    """Give a gray garment colors."""

    def __init__(self, colorizing: ColorizeService):
        self.colorizing = colorizing

    def add(self) -> None:
        files = gr.File(visible=False, file_count="multiple", label="coloured")
        gr.Button(visible=False).click(
            show.polite(self.color, "colorize"),
            fields.hidden(self.color),
            files,
            api_name="colorize",
            concurrency_id="colorize",
            concurrency_limit=1,
        )

    def color(
        self,
        picture: str | None = None,
        colours: str = "",
        n: int = 1,
        label: str = "",
        seed: int = 0,
        strength: float = 1.0,
        classic: bool = False,
        tones: int = 1,
        hints: str = "[]",
        checkpoint: str = "",
        keep_background: bool = True,
        reference: str | None = None,
    ) -> list[str]:
        """Give a gray garment colors; how light each pixel is stays as it was.

        Args:
            picture: a PNG, JPEG, WebP, AVIF, TIFF, GIF or BMP file, of any size; one in color is made gray first.
            colours: colors such as "#b03a2e" or "teal" separated by commas, or a palette's name such as "Okabe-Ito";
                empty lets the net choose. Each variant takes the next.
            n: how many variants, 1 to 16.
            label: the garment's class by name or number, where that is known.
            seed: another seed has other ideas.
            strength: 0 is gray, 1 as asked for, 2 twice as strong.
            classic: report 001's color for the garment's class instead of `colours`.
            tones: how many of the colors are on one garment, 1 to 3, from top to bottom.
            hints: colors at places as a JSON list, such as [{"x": 0.5, "y": 0.3, "colour": "teal"}], from the left
                and from the top, 0 to 1.
            checkpoint: a name from the page's list; empty takes the colorizer that suits the picture.
            keep_background: whether what is not garment stays gray.
            reference: another picture; the three to six colors of the garment in it come after those of `colours`.

        Returns:
            A PNG for each variant, transparent where the picture is; its text field "fashiongan" holds its description
            as JSON.
        """
        if not picture:
            raise StudioError("Give a picture of a garment, as a PNG or JPEG file.")
        a = arguments(
            ColorizeArguments, colours=colours, n=n, classic=classic, hints=hints, checkpoint=checkpoint,
            keep_background=keep_background,
        )  # fmt: skip
        places = parsed(list[object], a.hints or "[]", PLACES)
        colors = in_color.palette(a.colours or "")
        colors += in_color.of_photograph(Path(reference)).colors if reference else ()
        request = {"colors": colors, "hints": places, "tones": tones, "label": label}
        spec = engine.colorize_spec({**request, "seed": seed, "strength": strength})
        gray = engine.opened(Path(picture))
        name, gan = self.colorizing.colorizer(a.checkpoint or "", gray)
        if a.classic:
            usual = engine.classic(gan, gray, spec.label)
            spec = replace(spec, colors=usual.colors, label=usual.label)
        files = []
        images = engine.colored(gan, gray, spec, a.n, a.keep_background)
        for i, image in enumerate(transparency.restored(images, gray.values, gray.alpha)):
            description = spec.to_json(name, variant=i, keep_background=a.keep_background)
            files.append(show.kept_picture(engine.picture(image), description, f"coloured-{i + 1}.png"))
        return files


class CutoutEndpoint:
    """Cut garments out."""

    def add(self) -> None:
        gr.Button(visible=False).click(
            show.polite(self.cutout),
            fields.hidden(self.cutout),
            [gr.File(visible=False, label="cutout"), gr.Textbox(visible=False, label="note")],
            api_name="cutout",
            concurrency_id="colorize",
            concurrency_limit=1,
        )

    def cutout(self, picture: str | None = None, background: str = "none") -> tuple[str, str]:
        """Cut the garment out of a picture, at the picture's own size.

        Args:
            picture: a PNG, JPEG, WebP, AVIF, TIFF, GIF or BMP file, of any size, on any background.
            background: none (transparent), white, black or a color such as "#b03a2e".

        Returns:
            A PNG with alpha, and one sentence if there is something to say: where it is not sure what the garment is,
            all of the picture is used.
        """
        if not picture:
            raise StudioError("Give a picture of a garment, as a PNG or JPEG file.")
        png, note = cutouts.alone(Path(picture), cutouts.background(background))
        return show.kept(png, "cutout.png"), note
