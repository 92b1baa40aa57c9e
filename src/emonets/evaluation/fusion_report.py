"""A comparison of fusions on a user's predictions: report, figures, and the fitted fusion."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emonets.bundle import check_place
from emonets.errors import DataError, ParameterError
from emonets.evaluation.compare_fusion import Compared, compare, recommend, table
from emonets.evaluation.figures import check_format
from emonets.evaluation.fusion_files import check_folder, write_report, write_unfinished
from emonets.evaluation.fusion_progress import ComparisonProgress
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
from emonets.runtime.ending import keeps
from emonets.runtime.progress import heartbeat

log = logging.getLogger(__name__)

FOLDS = 5
COVERAGE = 0.8
"""Share of the clips that the threshold of a stored fusion accepts."""
PARTS = "compare_fusion.parts"
"""Folder beside the tables with the strategies of a comparison that is not finished."""
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
        limited: dict[str, list[str]] = {}
        for r in self.results:
            if r.note:
                limited.setdefault(r.note, []).append(r.name)
        if limited:
            texts = [f"{' and '.join(names)}: {note}" for note, names in limited.items()]
            lines.append(f"Because of many clips: {'. '.join(texts)}.")
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
    workers: int = 1,
    keep: Path | None = None,
) -> FusionReport:
    """Compare strategies on predictions and fit the recommended one on all of them.

    Parameters
    ----------
    folds : of whole groups, or of clips if there are no groups. None: five, or fewer if there are
        fewer groups.
    coverage : share of the clips that the fusion's threshold accepts, above 0, up to 1.
    progress, workers, keep : as for :func:`~emonets.evaluation.compare_fusion.compare`.

    Raises
    ------
    DataError : there are fewer groups than folds, or the data cannot be used; the message names
        the file.
    """
    check_number("coverage", coverage, 0, 1, low_in=False)
    among = np.arange(len(data.y)) if data.groups is None else data.groups
    count = min(FOLDS, len(np.unique(among))) if folds is None else folds
    clips = len(data.y) - len(data.y) // max(count, 1)
    shown = ComparisonProgress(strategies, clips, count, workers=workers)

    def on_result(result: Compared) -> None:
        shown.on_result(result)
        if progress is not None:
            progress(result)

    shown.begin(len(data.models), len(data.y))
    try:
        with heartbeat("comparison of fusions"):
            results = compare(
                data.P, data.y, data.groups, strategies=strategies, models=data.models,
                found=data.found, folds=count, seed=seed, resamples=resamples,
                progress=on_result, workers=workers, keep=keep, on_fit=shown.on_fit,
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
    workers: int = 1,
    figures: str = "png",
) -> str:
    """The comparison as text, and the requested files. See ``emonets compare-fusion``.

    Raises
    ------
    DataError : as :func:`~emonets.evaluation.predictions.read_predictions`.
    ParameterError : a strategy is unknown; only one of ``add_to`` and ``save_bundle`` is given;
        the bundle has other models; a file cannot be written.
    """
    names = parse_strategies(strategies)
    figures = check_format(figures)
    check_number("seed", seed, 0, 2**32 - 1)
    if workers < 1:
        raise ParameterError(f"--workers must be 1 or more, got {workers}")
    if (add_to is None) != (save_bundle is None):
        raise ParameterError("--add-to BUNDLE and --save-bundle FOLDER go together")
    if save_fusion is not None:
        check_writable(save_fusion)
    base: EmoNets | None = None
    if add_to is not None and save_bundle is not None:
        check_place(save_bundle)
        base = EmoNets.load(add_to)
    data = read_predictions(path, labels)
    if base is not None and save_bundle is not None:
        base, data = _matched(base, data, str(add_to), save_bundle)
    if out is not None:
        check_folder(out)

    done: list[Compared] = []

    def on_result(result: Compared) -> None:
        done.append(result)
        if out is not None:
            write_unfinished(data, done, names, out)

    keep = None if out is None else out / PARTS
    if out is not None:
        keeps(f"finished strategies are in {out}; the same command continues with the rest")
    report = compare_predictions(
        data, strategies=names, folds=folds, seed=seed, coverage=coverage,
        progress=on_result, workers=workers, keep=keep,
    )  # fmt: skip
    if out is not None:
        for written in write_report(report, out, figures):
            log.info(f"written: {written}")
        shutil.rmtree(out / PARTS, ignore_errors=True)
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


def _matched(
    base: EmoNets, data: Predictions, name: str, target: Path
) -> tuple[EmoNets, Predictions]:
    """The bundle with the models of the data, and the data as this bundle's fusion gets them."""
    if set(data.models) < set(base.specialists):
        base = base.with_models(data.models)
        log.info(
            f"note: {target} will have {', '.join(data.models)} only, the models of {data.path}"
        )
    if set(base.specialists) != set(data.models):
        raise ParameterError(
            f"{data.path} has the models {', '.join(data.models)}, the bundle {name} has "
            f"{', '.join(base.specialists)}; give predictions of each of these"
        )
    known = [base.specialists[one].known_classes for one in data.models]
    return base, replace(data, P=neutral_where_unknown(data.P, known, data.found))


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
