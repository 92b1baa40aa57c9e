"""The files of a comparison of fusions: tables and pictures."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emonets.errors import MissingExtraError, ParameterError
from emonets.evaluation.compare_fusion import Compared, table
from emonets.evaluation.fusion_figures import (
    comparison_figure,
    reliability_figure,
    weights_figure,
)
from emonets.evaluation.predictions import Predictions
from emonets.runtime.files import try_folder, write_whole

if TYPE_CHECKING:
    from emonets.evaluation.fusion_report import FusionReport

log = logging.getLogger(__name__)

_NAME = 36  # characters of the table's name that fit into a title


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
    writer.writerow(["strategy", "fitted", *columns, "calibration_error", "seconds", "note"])
    for r in results:
        numbers = [x for s in (r.accuracy, r.uar, r.gain) for x in (s.value, s.low, s.high)]
        shown = [
            "" if np.isnan(x) else f"{x:.6g}"
            for x in (r.fitted, *numbers, r.calibration_error, r.seconds)
        ]
        writer.writerow([r.name, *shown, r.note])
    return file.getvalue()


def write_unfinished(
    data: Predictions, done: Sequence[Compared], names: Sequence[str], out: Path
) -> None:
    """Write the tables of the strategies that are done so far, in their order."""
    order = {name: i for i, name in enumerate(names)}
    ranked = sorted(done, key=lambda r: order.get(r.name, -1))
    count = sum(r.name in order for r in ranked)
    if not count:
        return
    parts = [
        f"# Fusions of {data.path.name}, not finished", table(ranked).strip(),
        f"{count} of {len(names)} strategies are done. The same command continues with the rest.",
    ]  # fmt: skip
    write_whole(out / "compare_fusion.md", ("\n\n".join(parts) + "\n").encode())
    write_whole(out / "compare_fusion.csv", _csv(ranked).encode())


def _weights(fusion: Any) -> Any:
    """Weights (m, 7) of a fusion, or of the fusion within it; None if there are none."""
    while fusion is not None and not hasattr(fusion, "weights_"):
        fusion = getattr(fusion, "estimator_", None)
    return None if fusion is None else fusion.weights_


def check_folder(folder: Path) -> None:
    """Make the folder; raise ParameterError if files cannot be written there."""
    try:
        try_folder(folder)
    except OSError as error:
        raise ParameterError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another place"
        ) from None
