"""A paragraph for the method section of a paper: how the numbers of a clip were made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.result import Result, Row
from emonets.result_tables import shown_rows, span_of


def method_text(result: Result) -> str:
    """Version, model, windows, threshold, persons, frames used and smoothing, in sentences.

    Parameters
    ----------
    result : of one clip.

    Examples
    --------
    >>> rows = (Row("a.mp4", None, 0.0, 2.0, None, "audio", (1 / 7,) * 7, True),)
    >>> method_text(Result(rows, about={"emonets": "1.0", "bundle": "modern"}))[:47]
    'Emotions were estimated with EmoNets 1.0 (bundl'
    """
    about, rows = result.about, result.rows
    shown = shown_rows(rows)
    start, end = span_of(rows)
    bundle = Path(str(about.get("bundle", "unknown"))).name
    digest = str(about.get("bundle_digest", ""))[:12]
    text = [
        f"Emotions were estimated with EmoNets {about.get('emonets', '(version unknown)')} "
        f"(bundle {bundle}{f', SHA-256 {digest}…' if digest else ''}; "
        f"specialists: {about.get('model') or shown[0].model if shown else 'unknown'}).",
        f"The clip ({end - start:.1f} s) was divided into {_windows(shown)}.",
        f"Each has probabilities of seven emotions ({', '.join(EMOTIONS)}).",
    ]
    if about.get("decision"):
        text.append(f"Decision: {about['decision']}.")
    text.append(
        f"Labels are the most probable emotion; threshold: {about['uncertain']}."
        if about.get("uncertain")
        else "Labels are the most probable emotion; no threshold was used."
    )
    if about.get("normalised"):
        text.append(f"Windows were normalised {about['normalised']}.")
    text.append(_persons(result, rows))
    text.append("Probabilities were not smoothed from window to window.")
    return " ".join(filter(None, text))


def _windows(shown: Sequence[Row]) -> str:
    spans = [round(row.end - row.start, 2) for row in shown]
    times = sorted({round(row.start, 2) for row in shown})
    if len(times) < 2:
        return "one window"
    usual = float(np.median(spans))
    hop = float(np.median(np.diff(times)))
    apart = "" if abs(hop - usual) < 0.02 else f", one each {hop:g} s"
    return f"{len(times)} windows of {usual:g} s{apart}"


def _persons(result: Result, rows: Sequence[Row]) -> str:
    if not result.persons:
        sought = any(row.face_found is not None for row in rows)
        return "No face was found." if sought else ""
    count = len(result.persons)
    shares = ", ".join(f"{one.usable:.0%} (person {one.person})" for one in result.persons)
    people = "1 person was" if count == 1 else f"{count} persons were"
    return f"{people} followed; share of the clip's frames with a usable face: {shares}."
