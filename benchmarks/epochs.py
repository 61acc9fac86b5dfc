"""The same garments at several epochs of a run, one row an epoch, as report 004 compares its epochs.

    python benchmarks/epochs.py RUN --epochs 5 50 100 150 200 --out docs/garments-epochs.jpg

RUN is a run's folder. Without --epochs, five are chosen evenly on a scale of ratios. The latents are those of the run's
sample sheets, one a class. Printed beside: the losses at these epochs, from the run's log.
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fashiongan import checkpoint
from fashiongan.data import images
from fashiongan.gans import sampling
from fashiongan.training import run_folder, run_log

MARGIN, GAP = 64, 2  # pixels: for the epochs' numbers, and between garments


def chosen(have: list[int], wanted: list[int]) -> list[int]:
    """The epochs nearest to the wanted ones, each once; without these, five, each about as many times the last."""
    if not wanted:
        last = max(have)
        wanted = [max(1, round(last ** (i / 4))) for i in range(5)]
    return sorted({min(have, key=lambda e: (abs(e - w), e)) for w in wanted})


def rows(run: Path, epochs: list[int]) -> Image.Image:
    """The first row of each epoch's sheet, under each other, with the epoch's number before it."""
    gan = checkpoint.load(str(run / "checkpoint.safetensors"))
    high = gan.recipe.size + GAP
    sheets = {run_folder.epoch_of(path): path for path in run_folder.epochs(run)}
    wide = sampling.columns(gan, 64) * high + GAP
    picture = Image.new("RGB", (MARGIN + wide, len(epochs) * high + GAP), "white")
    pen = ImageDraw.Draw(picture)
    for i, epoch in enumerate(epochs):
        with images.header(sheets[epoch]) as sheet:
            picture.paste(sheet.convert("RGB").crop((0, 0, wide, high + GAP)), (MARGIN, i * high))
        pen.text((8, i * high + high // 2), str(epoch), "black", ImageFont.load_default(22), anchor="lm")
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("--epochs", type=int, nargs="*", default=[], help="which epochs; by default five")
    parser.add_argument("--out", type=Path, required=True, help="the picture's file")
    args = parser.parse_args()
    have = [run_folder.epoch_of(path) for path in run_folder.epochs(args.run)]
    epochs = chosen([e for e in have if e > 0], args.epochs)
    rows(args.run, epochs).save(args.out, quality=90)
    print("| epoch | discriminator's loss | generator's loss |\n|---|---|---|")
    for epoch in epochs:
        losses = min(run_log.read(args.run), key=lambda row: abs(row.epoch - epoch)).losses
        print(f"| {epoch} | {losses['d_loss']:.3f} | {losses['g_loss']:.3f} |")


if __name__ == "__main__":
    main()
