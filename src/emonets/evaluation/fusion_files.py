"""The files of a comparison of fusions: tables and pictures."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emonets.errors import MissingExtraError, ParameterError
from emonets.evaluation.compare_fusion import Compared, table
from emonets.evaluation.figures import (
    FORMATS,
    fusion_scores,
    fusion_weights,
    reliability,
    save,
    weights_of,
)
from emonets.evaluation.figures.names import in_list, in_text
from emonets.evaluation.predictions import Predictions
from emonets.runtime.files import try_folder, write_whole

if TYPE_CHECKING:
    from emonets.evaluation.fusion_report import FusionReport

log = logging.getLogger(__name__)


def write_report(report: FusionReport, folder: Path, figures: str = "png") -> list[Path]:
    """Write ``compare_fusion.md`` and ``.csv`` and, with matplotlib, the figures.

    ``compare_fusion`` shows all strategies. ``reliability`` shows the recommended one's
    out-of-fold predictions. ``weights`` (the paper's Figure 9) shows its weights, if any.

    Parameters
    ----------
    figures : their format: png, svg or pdf.
    """
    data, what = report.data, report.data.path.name
    mine = next(r for r in report.results if r.name == report.recommended)
    kept = "clips" if data.groups is None else "groups"
    count = "" if data.groups is None else f"{len(np.unique(data.groups))} "
    end = f"{report.folds} folds of {count}{kept}"
    legend = f"{len(data.y):,} clips; {', '.join(data.models)}; {end}"
    pictures: list[Path] = []
    for name in ("compare_fusion", "reliability", "weights"):  # of an earlier run, perhaps of
        for kind in FORMATS:  # other data
            (folder / f"{name}.{kind}").unlink(missing_ok=True)
    try:
        shown = fusion_scores(
            report.results, title=f"Fusions of {what}",
            legend=f"{len(data.y):,} clips; {in_list(data.models)}; {end}",
        )  # fmt: skip
        pictures.append(save(shown, folder / f"compare_fusion.{figures}"))
        title = f"{what}: {in_text(mine.name)}"
        shown = reliability(data.y, mine.p, title=title)
        pictures.append(save(shown, folder / f"reliability.{figures}"))
        if weights_of(report.fusion.fusion) is not None:
            shown = fusion_weights(report.fusion, data.models, title=title)
            pictures.append(save(shown, folder / f"weights.{figures}"))
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


def check_folder(folder: Path) -> None:
    """Make the folder; raise ParameterError if files cannot be written there."""
    try:
        try_folder(folder)
    except OSError as error:
        raise ParameterError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another place"
        ) from None
