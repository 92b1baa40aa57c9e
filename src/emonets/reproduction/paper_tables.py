"""The paper's tables, with our numbers beside: its submissions, and the systems of others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emonets.errors import ParameterError
from emonets.evaluation.figures.paper import NAMES
from emonets.reproduction.paper_data import PaperData
from emonets.reproduction.recipes import PAIR, SUBMISSIONS, Submission, find_submission
from emonets.reproduction.submissions import Rerun, rerun, text_table
from emonets.runtime.files import write_whole

TABLES = {"1": 2013, "2": 2014, "3": None}
"""Number of a table → year of its submissions; Table 3 has the systems of others."""
BEST = {2013: "2013-7", 2014: "2014-9"}
"""Edition → the paper's best submission, which stands in Table 3."""
EDITIONS = {2013: "AFEW2", 2014: "AFEW4"}


@dataclass(frozen=True)
class OtherSystem:
    """A system of the challenge in Table 3.

    Attributes
    ----------
    year : of the challenge. method : as the paper names it. test : per cent of the test clips.
    source : the paper's number of the reference. work : authors, title, place.
    """

    year: int
    method: str
    test: float
    source: int
    work: str


OTHERS: tuple[OtherSystem, ...] = (
    OtherSystem(2013, "MKL", 35.89, 32, "Sikka et al., Multiple kernel learning for emotion "
                "recognition in the wild, ICMI 2013"),
    OtherSystem(2013, "PLS", 34.61, 29, "Liu et al., Partial least squares regression on "
                "Grassmannian manifold for emotion recognition, ICMI 2013"),
    OtherSystem(2013, "Linear SVM", 29.81, 13, "Gehrig and Ekenel, Why is facial expression "
                "analysis in the wild challenging?, EmotiW 2013"),
    OtherSystem(2014, "PLS", 50.37, 30, "Liu et al., Combining multiple kernel methods on "
                "Riemannian manifold for emotion recognition in the wild, ICMI 2014"),
    OtherSystem(2014, "HCF", 47.17, 34, "Sun et al., Combining multimodal features with "
                "hierarchical classifier fusion for emotion recognition in the wild, ICMI 2014"),
    OtherSystem(2014, "MKL", 45.21, 7, "Chen et al., Emotion recognition in the wild with feature "
                "fusion and multiple kernel learning, ICMI 2014"),
)  # fmt: skip
"""The systems of others in Table 3, in its order."""


def paper_table(
    number: str, data: PaperData, *, out: str | Path | None = None, seed: int = 0
) -> str:
    """A table of the paper as text, with our numbers on named data beside the paper's.

    Parameters
    ----------
    number : of :data:`TABLES`. data : what ``sort_data`` returned; without predictions, our column
        is empty.
    out : folder for ``table_3.md``; None: nothing is written. seed : of the searches.

    Raises
    ------
    ParameterError : there is no such table, or the folder cannot be written.
    DataError : the data are wrong.

    Examples
    --------
    >>> print(paper_table("3", sort_data([])))  # doctest: +SKIP
    """
    if number not in TABLES:
        raise ParameterError(f"the paper has no table {number!r}; it has {', '.join(TABLES)}")
    year = TABLES[number]
    recipes = [s for s in SUBMISSIONS if s.year == year] or [
        find_submission(name) for name in BEST.values()
    ]
    every_pair = any(recipe.protocol == "swapped" for recipe in recipes)
    models = [m for m in dict.fromkeys(m for s in recipes for m in s.models) if m != PAIR]
    source = next(data.sources(models, every_pair=every_pair), None)
    done = [Rerun(s) if source is None else rerun(source.data, s, seed=seed) for s in recipes]
    if year is None:
        where = "" if source is None else source.data.name
        text = _others(where, dict(zip(BEST, done, strict=True)))
    elif source is None:
        text = _papers_own(recipes)
    else:
        text = text_table(source.data, done)
    if out is not None:
        body = text if year is None else f"```text\n{text}\n```"
        write_whole(Path(out) / f"table_{number}.md", f"# Table {number}\n\n{body}\n".encode())
    return text


def _others(where: str, ours: dict[int, Rerun]) -> str:
    """Table 3 in Markdown: a part an edition, ours below the paper's."""
    lines = []
    for year, name in BEST.items():
        edition = f"{EDITIONS[year]}, EmotiW {year}, test"
        lines += [f"| method | per cent | {edition}: source |", "| --- | ---: | --- |"]
        lines += [
            f"| {s.method} | {s.test:.2f} | [{s.source}] {s.work} |"
            for s in OTHERS
            if s.year == year
        ]
        best = find_submission(name)
        lines.append(f"| Our method (the paper) | {best.test:.2f} | submission {name} |")
        scores = ours[year].scores or {}
        for part, score in ((part, scores[part]) for part in ("valid", "test") if part in scores):
            about = f"recipe {name} on {where}, {NAMES[part]}, {(ours[year].n or {})[part]} clips"
            missing = ours[year].missing
            about += "; fitted on these clips" if part == "valid" else ""
            about += f"; without {', '.join(missing)}" if missing else ""
            lines.append(f"| emonets, here | {100 * score.value:.2f} | {about} |")
        if ours[year].why_not:
            lines.append(f"| emonets, here | - | {ours[year].why_not} |")
        lines.append("")
    lines.append(
        "The test labels of both editions are with the organisers. Numbers of other data are not "
        "comparable with those above."
    )
    return "\n".join(lines)


def _papers_own(recipes: list[Submission]) -> str:
    lines = [f"{'recipe':7}" + "".join(f"  {NAMES[part]:>10}" for part in NAMES) + "  method"]
    for s in recipes:
        cells = "".join(
            f"  {'-' if x is None else f'{x:.2f}':>10}" for x in (s.train, s.valid, s.test)
        )
        lines.append(f"{s.name:7}{cells}  {s.method}")
    return "\n".join([*lines, "", "Accuracy in per cent, the paper's own; --data adds ours."])
