"""What a report says in words: its scores by name, the verdict, lines for a terminal."""

from typing import Any

SELDOM = 0.02  # a class with a smaller share is missed
COPIED = -3.0  # C_T below which samples are called copies
SOME = 0.02  # of all samples: a larger share that lies right beside training pictures is called copies too
# What each score is called, and whether more of it is better.
SCORES = {
    "frechet": ("Frechet distance", False),
    "kid": ("kernel distance (KID) x 1000", False),
    "inception": ("Inception-style score", True),
    "precision": ("precision", True),
    "recall": ("recall", True),
    "density": ("density", True),
    "coverage": ("coverage", True),
}


def copied(report: dict[str, Any]) -> bool:
    """Whether a report says that the samples are copies of training pictures."""
    spaces = report.get("originality", {})
    found = [spaces[s] for s in ("features", "pixels") if s in spaces]
    return any(s["copying"] < COPIED or s.get("beside", 0.0) > SOME for s in found)


def verdict(report: dict[str, Any]) -> str:
    """The report in a sentence or two of plain words."""
    scores, missed = report.get("scores", {}), report.get("missed", [])
    if copied(report):
        return (
            "Copies: these pictures, or some of them, lie nearer to the training pictures than unseen real garments "
            "do, so every other score flatters them."
        )
    if "precision" not in scores or "real" not in scores["precision"]:
        return "There are too few samples to score them."
    like, varied = (100 * min(1, scores[k]["value"] / max(scores[k]["real"], 1e-9)) for k in ("precision", "coverage"))
    words = [f"As garment-like as {like:.0f} % of real pictures, with {varied:.0f} % of their variety."]
    if "originality" in report:
        words.append("No sign of copying.")
    if missed:
        words.append(f"Hardly ever drawn: {', '.join(missed)}.")
    return " ".join(words)


def summary(report: dict[str, Any]) -> str:
    """A report as lines for a terminal."""
    lines = [f"{report['of']}: {report['n']} pictures"]
    if "scores" in report:
        scorer, real = report["judge"], report.get("against", {}).get("real", 0)
        lines += [
            f"scorer {scorer['classifier']}, sha256 {scorer['sha256'][:12]}; against {real} test pictures",
            f"{'':46} {'samples':>10} {'real':>10} {'halves':>10}",
        ]
        for name, score in report["scores"].items():
            title, more = SCORES[name]
            values = (f"{score[k]:10.4g}" if k in score else f"{'':10}" for k in ("value", "real", "halves"))
            lines.append(f"{title + (', more' if more else ', less') + ' is better':46} {' '.join(values)}")
    if "classes" in report:
        shares = (f"{name} {100 * share:.1f}" for name, share in report["classes"].items())
        lines.append(f"classes, %: {', '.join(shares)}")
    if "gan_test" in report:
        lines.append(f"GAN-test: {100 * report['gan_test']:.2f} %")
    if "gan_train" in report:
        of_real = 100 * report["gan_train_real"]
        lines.append(f"GAN-train: {100 * report['gan_train']:.2f} %; from as many training pictures {of_real:.2f} %")
    for space in ("features", "pixels"):
        if space in report.get("originality", {}):
            found = report["originality"][space]
            lines.append(
                f"nearest training picture in {space}: {found['ratio']:.3f} times as far as from unseen real ones; "
                f"copying test {found['copying']:+.1f} (below {COPIED:g}: copies); "
                f"{100 * found.get('beside', 0.0):.1f} % right beside one (above {100 * SOME:g} %: copies)"
            )
    if "inception" in report:
        lines.append(", ".join(f"{k.upper()} {v:.4g}" for k, v in report["inception"].items()))
    if "size" in report:
        size = report["size"]
        ratios = "".join(
            f", {k} {size[f'{k}_ratio']:g} times {size['reference']}'s" for k in "GD" if f"{k}_ratio" in size
        )
        lines.append(f"weights: G {size['G']:,}, D {size['D']:,}{ratios}")
    return "\n".join([*lines, *report["remarks"], report.get("verdict", "")]).rstrip()
