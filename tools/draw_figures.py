"""Draw those figures of docs/figures again whose numbers are kept.

    python tools/draw_figures.py

Submissions and comparisons of fusions are drawn from docs/results. The weights of the search on
five models are those printed in its first figure, to two digits; the fusion itself was not kept.
The figures of docs/howto/figures.md are drawn from made-up numbers, which their titles state.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import emonets
from emonets.emotions import EMOTIONS
from emonets.evaluation import figures
from emonets.evaluation.compare_fusion import Compared
from emonets.evaluation.metrics import Score
from emonets.evaluation.records import Evidence, read_results
from emonets.reproduction.recipes import find_submission
from emonets.reproduction.submissions import Rerun
from emonets.result import FileStatus, PersonSeen, Result, Row

FIGURES = Path("docs/figures")
SUBMISSIONS = {
    "Javanese films": ("submissions_javanese", "Javanese clips, eight folds of one actor"),
    "Javanese films, four folds": (
        "submissions_javanese_four", "Javanese clips, four folds of two actors",
    ),
}  # fmt: skip
FUSIONS = {
    "AFEW2 validation, two models": ("fusion_afew2_2", "396 clips; ten folds of clips"),
    "RAVDESS takes, face + ComParE SVM": ("fusion_ravdess_compare_svm", ""),
    "RAVDESS takes, face + five models": ("fusion_ravdess_five_models", ""),
    "RAVDESS takes, face + our sound network": ("fusion_ravdess_our_sound_network", ""),
}
RAVDESS = "1,440 clips; five folds of actors; fitted on predictions of models of fewer actors"
WEIGHTS = {
    "face": (0.35, 0.41, 0.04, 0.00, 0.06, 0.31, 0.00),
    "audio": (0.27, 0.36, 0.12, 0.57, 0.60, 0.34, 0.54),
    "compare": (0.22, 0.13, 0.45, 0.05, 0.07, 0.20, 0.00),
    "functionals": (0.03, 0.07, 0.10, 0.00, 0.00, 0.11, 0.36),
    "face_log": (0.13, 0.03, 0.28, 0.38, 0.26, 0.04, 0.10),
}
PARTS = {"train": "train", "validation": "valid", "test": "test"}


def submissions(rows: Sequence[Evidence], data: str, name: str, title: str) -> Path:
    """The recipes on a data set, beside the paper's numbers."""
    found: dict[str, dict[str, Evidence]] = {}
    for row in rows:
        if row.data == data and row.metric == "accuracy":
            part = PARTS[row.split.split(",")[0]]
            found.setdefault(row.what, {})[part] = row
    scores = []
    for what, parts in found.items():
        recipe, _, models = what.removeprefix("submission ").partition(": ")
        scores.append(
            figures.SubmissionScores(
                recipe, models.split(", "), {part: row.value for part, row in parts.items()},
                Rerun(find_submission(recipe)).paper,
                {p: (r.low, r.high) for p, r in parts.items()
                 if r.low is not None and r.high is not None},
            )
        )  # fmt: skip
    classes = {row.classes for parts in found.values() for row in parts.values()}
    figure = figures.submissions(
        sorted(scores, key=lambda s: [int(x) for x in s.name.split("-")]),
        classes=max(c for c in classes if c), title=f"The paper's submissions on {title}",
        legend="the paper's scores are of all of its models",
    )  # fmt: skip
    return figures.save(figure, FIGURES / f"{name}.png")


def fusions(rows: Sequence[Evidence], data: str, name: str, legend: str) -> Path:
    """The accuracy of each strategy where it was fitted and out of fold."""
    own = [row for row in rows if row.data == data and "abstaining" not in row.what]
    fitted = {row.what: row.value for row in own if row.metric == "accuracy where fitted"}
    made = []
    for row in own:
        if row.metric == "accuracy" and row.what in fitted:
            assert row.low is not None
            assert row.high is not None
            score = Score(row.value, row.low, row.high)
            what = row.what.removeprefix("fusion, ")
            made.append(
                Compared(what, fitted[row.what], score, score, score, 0, 0, np.empty((0, 7)))
            )
    made.sort(key=lambda one: not one.name.startswith("only "))
    figure = figures.fusion_scores(made, title=data, legend=legend)
    return figures.save(figure, FIGURES / f"{name}.png")


def made_up() -> list[Path]:
    """A timeline, a confusion matrix and a reliability diagram for docs/howto/figures.md."""
    rng = np.random.default_rng(5)
    figure = figures.timeline(talk(rng), title="A timeline (made up)")
    paths = [small(figure, "example_timeline")]
    y = rng.choice([0, 2, 3, 4, 5, 6], 400)
    p = rng.dirichlet(np.full(7, 0.6), 400)
    p[np.arange(400), y] += rng.gamma(2.0, 0.5, 400)
    p /= p.sum(axis=1, keepdims=True)
    title = "A confusion matrix (made up)"
    paths.append(small(figures.confusion(y, p, title=title), "example_confusion"))
    p = rng.dirichlet(np.full(7, 0.25), 900)
    y = np.array([rng.choice(7, p=row) for row in p])
    title = "Reliability (made up)"
    paths.append(small(figures.reliability(y, p, title=title), "example_reliability"))
    shown = figures.filters(emonets.load("modern").face, title="The face network's first layer")
    paths.append(small(shown, "example_filters"))
    return paths


def talk(rng: np.random.Generator) -> Result:
    """Forty seconds of two persons; the second leaves at 22 s and comes back at 31 s."""
    here = {0: [(0.0, 40.0)], 1: [(3.0, 22.0), (31.0, 40.0)]}
    walk = np.cumsum(rng.normal(0, 0.55, (3, 40, 7)), axis=1)
    walk += np.array([0, -1, -1, 0.8, 0, 0, 1])
    p = np.exp(walk - walk.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    rows, seen = [], []

    def row(start: int, model: str, p: np.ndarray, who: int | None, **more: object) -> Row:
        level = "window" if who is None else "face"
        face = None if who is None else True
        return Row("talk.mp4", who, start, start + 1.0, face, model, tuple(p), level=level,
                   person=who, speech=0.5, **more)  # fmt: skip

    for who, spans in here.items():
        there = [t for a, b in spans for t in range(int(a), int(b))]
        rows += [row(t, "face", p[who, t], who) for t in there]
        for t in there:
            both = p[who, t] * p[2, t]
            rows.append(row(t, "face+audio", both / both.sum(), who, sound_found=True))
        times = np.concatenate([np.arange(a, b, 0.2) for a, b in spans])
        usable = len(there) / 40
        seen.append(PersonSeen("talk.mp4", who, (who,), times, np.ones((len(times), 4)), usable))
    rows += [row(t, "audio", p[2, t], None, sound_found=not 25 <= t < 29) for t in range(40)]
    assert p.shape[2] == len(EMOTIONS)
    return Result(tuple(rows), (FileStatus("talk.mp4", "ok"),), {"bundle": "modern"}, tuple(seen))


def small(figure: Figure, name: str) -> Path:
    """A picture of few bytes, for the page: of 256 colours."""
    path = figures.save(figure, FIGURES / f"{name}.png", dpi=80)
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(
            256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    few.save(path, optimize=True)
    return path


def main() -> None:
    shown = made_up()
    rows = read_results("submissions")
    paths = [submissions(rows, data, *about) for data, about in SUBMISSIONS.items()]
    rows = read_results("fusion")
    for data, (name, legend) in FUSIONS.items():
        paths.append(fusions(rows, data, name, legend or RAVDESS))
    title = "RAVDESS, face + five models: weights of one search"
    figure = figures.fusion_weights(list(WEIGHTS.values()), [*WEIGHTS], title=title)
    paths.append(figures.save(figure, FIGURES / "fusion_weights_five_models.png"))
    for path in [*paths, *shown]:
        print(path.as_posix(), path.stat().st_size)


if __name__ == "__main__":
    main()
