"""A comparison of fusions on a user's predictions: report, figures, and the fitted fusion."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emonets.bundle import check_place
from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.evaluation.compare_fusion import Compared, compare, recommend, table
from emonets.evaluation.fusion_figures import (
    comparison_figure,
    reliability_figure,
    weights_figure,
)
from emonets.evaluation.metrics import RESAMPLES
from emonets.evaluation.predictions import Predictions, read_predictions
from emonets.fusion.average import MeanFusion
from emonets.fusion.base import Fusion
from emonets.fusion.calibration import Abstainer
from emonets.fusion.common import neutral_where_unknown
from emonets.fusion.named import NamedFusion
from emonets.fusion.strategies import STRATEGIES, make_fusion
from emonets.learners.checks import check_number
from emonets.model import EmoNets
from emonets.result import check_writable
from emonets.runtime.files import try_folder, write_whole

log = logging.getLogger(__name__)

FOLDS = 5
COVERAGE = 0.8
"""Share of the clips that the threshold of a stored fusion accepts."""
_NAME = 36  # characters of the table's name that fit into a title
_ALONE = "only "  # before the name of a single model in the results of compare


@dataclass(frozen=True, eq=False)
class FusionReport:
    """The result of a comparison.

    Attributes
    ----------
    data : the predictions. results : single models first, then strategies. folds : how many.
    recommended : the name of one of them. fusion : it, fitted on all clips. Its threshold accepts
        the requested share of clips and is chosen on out-of-fold predictions.
    """

    data: Predictions
    results: list[Compared]
    folds: int
    recommended: str
    fusion: NamedFusion

    def __str__(self) -> str:
        return "\n".join([_aligned(table(self.results)), "", *self.words()])

    def words(self) -> list[str]:
        """The recommendation and its threshold."""
        mine = next(r for r in self.results if r.name == self.recommended)
        top = max(self.results, key=lambda r: r.accuracy.value)
        gap = max(self.results, key=lambda r: r.fitted - r.accuracy.value)
        lines = [f"Recommended: {mine.name}{_about(mine.name)}, {mine.accuracy:.1%} out of fold."]
        if top.name != mine.name:
            lines.append(
                f"{top.name} reached {top.accuracy:.1%}. The difference may be chance, so the "
                "simplest is recommended."
            )
        lines.append(
            f"Most overfitted: {gap.name}, {gap.fitted:.1%} where it was fitted and "
            f"{gap.accuracy.value:.1%} out of fold."
        )
        rule = self.fusion.abstainer
        if rule is not None:
            lines.append(
                f'If the fusion returns "uncertain" below a probability of {rule.threshold:.3g}, '
                f"{rule.coverage:.0%} of the clips keep a prediction, "
                f"{rule.accuracy:.1%} of them right."
            )
        lines += [f"Note: {note}." for note in self.data.notes]
        return lines


def parse_strategies(text: str | None) -> list[str]:
    """Names separated by commas, which some names contain, too. None: all strategies.

    Raises
    ------
    ParameterError : a name is unknown; the message lists the known ones.
    """
    if text is None:
        return list(STRATEGIES)
    words = [word.strip() for word in text.split(",") if word.strip()]
    names: list[str] = []
    i = 0
    while i < len(words):
        pair = ", ".join(words[i : i + 2])
        name = pair if i + 1 < len(words) and pair in STRATEGIES else words[i]
        make_fusion(name)
        names.append(name)
        i += 2 if name == pair and i + 1 < len(words) else 1
    if not names:
        raise ParameterError(f"no strategy is named; known: {', '.join(STRATEGIES)}")
    return list(dict.fromkeys(names))


def compare_predictions(
    data: Predictions,
    *,
    strategies: Sequence[str] = tuple(STRATEGIES),
    folds: int | None = None,
    seed: int = 0,
    coverage: float = COVERAGE,
    resamples: int = RESAMPLES,
    progress: Callable[[Compared], None] | None = None,
) -> FusionReport:
    """Compare strategies on predictions and fit the recommended one on all of them.

    Parameters
    ----------
    folds : of whole groups, or of clips if there are no groups. None: five, or fewer if there are
        fewer groups.
    coverage : share of the clips that the fusion's threshold accepts, above 0, up to 1.

    Raises
    ------
    DataError : there are fewer groups than folds, or the data cannot be used; the message names
        the file.
    """
    check_number("coverage", coverage, 0, 1, low_in=False)
    among = np.arange(len(data.y)) if data.groups is None else data.groups
    count = min(FOLDS, len(np.unique(among))) if folds is None else folds
    try:
        results = compare(
            data.P, data.y, data.groups, strategies=strategies, models=data.models,
            found=data.found, folds=count, seed=seed, resamples=resamples, progress=progress,
        )  # fmt: skip
        name = recommend(results, data.y, data.groups, resamples=resamples, seed=seed)
        fusion = _made(name, data.models, seed)
        fusion.fit(data.P, data.y, groups=data.groups, found=data.found)
    except DataError as error:
        raise DataError(f"{data.path}: {error}") from None
    p = next(r.p for r in results if r.name == name)
    rule = Abstainer.for_coverage(p, data.y, coverage)
    named = NamedFusion(fusion, tuple(data.models), name, rule)
    return FusionReport(data, results, count, name, named)


def report_fusion(
    path: Path,
    *,
    labels: Path | None = None,
    out: Path | None = None,
    folds: int | None = None,
    seed: int = 0,
    strategies: str | None = None,
    coverage: float = COVERAGE,
    save_fusion: Path | None = None,
    add_to: str | None = None,
    save_bundle: Path | None = None,
) -> str:
    """The comparison as text, and the requested files. See ``emonets compare-fusion``.

    Raises
    ------
    DataError : as :func:`~emonets.evaluation.predictions.read_predictions`.
    ParameterError : a strategy is unknown; only one of ``add_to`` and ``save_bundle`` is given;
        the bundle has other models; a file cannot be written.
    """
    names = parse_strategies(strategies)
    check_number("seed", seed, 0, 2**32 - 1)
    if (add_to is None) != (save_bundle is None):
        raise ParameterError("--add-to BUNDLE and --save-bundle FOLDER go together")
    if save_fusion is not None:
        check_writable(save_fusion)
    base: EmoNets | None = None
    if add_to is not None and save_bundle is not None:
        check_place(save_bundle)
        base = EmoNets.load(add_to)
    data = read_predictions(path, labels)
    if base is not None and set(data.models) < set(base.specialists):
        base = base.with_models(data.models)
        log.info(
            f"note: {save_bundle} will have {', '.join(data.models)} only, the models of {path}"
        )
    if base is not None and set(base.specialists) != set(data.models):
        raise ParameterError(
            f"{path} has the models {', '.join(data.models)}, the bundle {add_to} has "
            f"{', '.join(base.specialists)}; give predictions of each of these"
        )
    if base is not None:  # the fusion is fitted on the same input as in the model
        known = [base.specialists[name].known_classes for name in data.models]
        data = replace(data, P=neutral_where_unknown(data.P, known, data.found))
    if out is not None:
        _try(out)

    def on_result(r: Compared) -> None:
        log.info(f"{r.name}: {r.fitted:.1%} where fitted, {r.accuracy:.1%} out of fold")

    report = compare_predictions(
        data, strategies=names, folds=folds, seed=seed, coverage=coverage, progress=on_result
    )
    if out is not None:
        for written in write_report(report, out):
            log.info(f"written: {written}")
    if save_fusion is not None:
        log.info(f"fusion: {report.fusion.to_file(save_fusion)}")
    if base is not None and save_bundle is not None:
        card = {**base.about.get("card", {}), "fusion": _card(report, seed)}
        model = EmoNets(
            **base.specialists,  # type: ignore[arg-type]
            fusion=report.fusion, about={**base.about, "card": card},
        )  # fmt: skip
        log.info(f"bundle: {model.save(save_bundle)}")
    return str(report)


def write_report(report: FusionReport, folder: Path) -> list[Path]:
    """Write ``compare_fusion.md`` and ``.csv`` and, with matplotlib, the pictures.

    ``compare_fusion.png`` shows all strategies. ``reliability.png`` shows the recommended one's
    out-of-fold predictions. ``weights.png`` (the paper's Figure 9) shows its weights, if any.
    """
    data, what = report.data, report.data.path.name
    if len(what) > _NAME:
        what = what[: _NAME - 1] + "…"
    mine = next(r for r in report.results if r.name == report.recommended)
    kept = "clips" if data.groups is None else "groups"
    count = "" if data.groups is None else f"{len(np.unique(data.groups))} "
    legend = f"{len(data.y):,} clips; {', '.join(data.models)}; {report.folds} folds of "
    legend += count + kept
    pictures: list[Path] = []
    weights = _weights(report.fusion.fusion)
    for name in ("compare_fusion.png", "reliability.png", "weights.png"):
        (folder / name).unlink(missing_ok=True)  # of an earlier run, perhaps of other data
    try:
        pictures.append(
            comparison_figure(
                report.results, folder / "compare_fusion.png", title=f"Fusions of {what}",
                legend=legend,
            )
        )  # fmt: skip
        pictures.append(
            reliability_figure(
                data.y, mine.p, folder / "reliability.png", title=f"{what}: {mine.name}"
            )
        )
        if weights is not None:
            pictures.append(
                weights_figure(
                    weights, data.models, folder / "weights.png", title=f"{what}: {mine.name}"
                )
            )
    except MissingExtraError as error:
        log.info(f"no pictures: {error}")
    parts = [f"# Fusions of {what}", f"{legend}; 95 % intervals over {kept}."]
    parts += [table(report.results).strip(), "\n".join(report.words())]
    parts += [f"![{p.stem.replace('_', ' ')}]({p.name})" for p in pictures]
    write_whole(folder / "compare_fusion.md", ("\n\n".join(parts) + "\n").encode())
    write_whole(folder / "compare_fusion.csv", _csv(report.results).encode())
    return [folder / "compare_fusion.md", folder / "compare_fusion.csv", *pictures]


def _csv(results: Sequence[Compared]) -> str:
    file = io.StringIO()
    scores = ("accuracy", "uar", "gain")
    columns = [f"{name}{end}" for name in scores for end in ("", "_low", "_high")]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["strategy", "fitted", *columns, "calibration_error", "seconds"])
    for r in results:
        numbers = [x for s in (r.accuracy, r.uar, r.gain) for x in (s.value, s.low, s.high)]
        shown = [
            "" if np.isnan(x) else f"{x:.6g}"
            for x in (r.fitted, *numbers, r.calibration_error, r.seconds)
        ]
        writer.writerow([r.name, *shown])
    return file.getvalue()


def _card(report: FusionReport, seed: int) -> dict[str, Any]:
    mine = next(r for r in report.results if r.name == report.recommended)
    return {
        "strategy": report.recommended,
        "data": report.data.path.name,
        "clips": len(report.data.y),
        "groups": None if report.data.groups is None else len(np.unique(report.data.groups)),
        "folds": report.folds,
        "seed": seed,
        **{k: v for k, v in mine.to_dict().items() if k in ("fitted", "accuracy", "uar")},
    }


def _made(name: str, models: Sequence[str], seed: int) -> Fusion:
    alone = name.removeprefix(_ALONE)
    if name.startswith(_ALONE) and alone in models:
        return MeanFusion(models=[list(models).index(alone)])
    return make_fusion(name, seed=seed)


def _about(name: str) -> str:
    return f" ({STRATEGIES[name].about})" if name in STRATEGIES else ""


def _weights(fusion: Any) -> Any:
    """Weights (m, 7) of a fusion, or of the fusion within it; None if there are none."""
    while fusion is not None and not hasattr(fusion, "weights_"):
        fusion = getattr(fusion, "estimator_", None)
    return None if fusion is None else fusion.weights_


def _aligned(markdown: str) -> str:
    """A Markdown table for the terminal: aligned columns without bars."""
    cells = [
        [c.strip() for c in line.strip("|").split("|")]
        for line in markdown.strip().splitlines()
        if not line.startswith("| ---")
    ]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            c.ljust(w) if k == 0 else c.rjust(w)
            for k, (c, w) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in cells
    )


def _try(folder: Path) -> None:
    try:
        try_folder(folder)
    except OSError as error:
        raise ParameterError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another place"
        ) from None
