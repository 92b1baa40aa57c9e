"""The rows of a clip's single specialists, before they are fused.

They can be kept in a result and fused later: normalising by the person needs those of all clips
first. `to_result` and `from_result` keep them as JSON can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from emonets.fusion.named import Known, NamedFusion
from emonets.inference.combine import calibrated, combine_clip, combine_windows
from emonets.inference.persons import Scene
from emonets.inference.rows import ClipRows
from emonets.result import FileStatus, PersonSeen, Result, Row

KEY = "unfused"
"""In a result's ``about``: how its rows are fused."""


@dataclass(frozen=True)
class Plan:
    """How the rows of a clip are fused; numbers are positions among them.

    Attributes
    ----------
    shown : those that a result has, but for those of the whole clip.
    spans : for each window those that are about it; see `ClipRows`.
    whole : those of the whole clip.
    baseline : those of the stretch that is the person's baseline.
    names : of the specialists. faces : whether any of them is of single faces.
    windows : whether windows have fused rows.
    alone : the specialist that the clip's prediction is of alone; None: all.
    speech : share of the clip in which somebody speaks; None: not known.
    people : the persons of the clip, the most seen one first.
    """

    shown: Sequence[int] = ()
    spans: Sequence[Sequence[int]] = ()
    whole: Sequence[int] = ()
    baseline: Sequence[int] = ()
    names: Sequence[str] = ()
    faces: bool = False
    windows: bool = False
    alone: str | None = None
    speech: float | None = None
    people: Sequence[int] = ()


@dataclass(frozen=True)
class Unfused:
    """A clip's rows and the plan of their fusion."""

    rows: tuple[Row, ...]
    plan: Plan

    @classmethod
    def of(
        cls,
        made: ClipRows,
        scene: Scene,
        names: Sequence[str],
        per_face: Sequence[str],
        clip: tuple[float, float],
        baseline: Sequence[Row] = (),
    ) -> Self:
        """Of the rows of a clip.

        Parameters
        ----------
        names : of the specialists that are used. per_face : those of single faces.
        clip : its start and end, seconds.
        baseline : rows of a stretch that is the person's baseline.
        """
        place: dict[int, int] = {}
        rows: list[Row] = []

        def numbers(some: Sequence[Row]) -> list[int]:
            for row in some:
                if place.setdefault(id(row), len(rows)) == len(rows):
                    rows.append(row)
            return [place[id(row)] for row in some]

        # one face in one window is as the clip; and without other evidence faces stay as they are
        faces_differ = (
            sum(map(len, scene.tracks.values())) > 1 and sum(row.found for row in made.whole) > 1
        )
        seen = dict(scene.seen)
        start = min((row.start for row in made.whole), default=clip[0])
        end = max((row.end for row in made.whole), default=clip[1])
        plan = Plan(
            shown=numbers(made.rows),
            spans=[numbers(own) for own in made.by_span],
            whole=numbers(made.whole),
            baseline=numbers(baseline),
            names=list(names),
            faces=bool(per_face),
            windows=len(made.whole) > 1 and (len(made.by_span) > 1 or faces_differ),
            alone=per_face[0] if per_face and scene.voice_is_unseen(*clip) else None,
            speech=None if scene.speech is None else float(scene.speech.share(start, end)),
            people=sorted(seen, key=lambda person: -seen[person]),
        )
        return cls(tuple(rows), plan)

    def changed(self, rows: Mapping[int, Row]) -> Unfused:
        """The same with other rows at some positions."""
        return Unfused(tuple(rows.get(i, row) for i, row in enumerate(self.rows)), self.plan)

    def fuse(self, fusion: NamedFusion | None, known: Mapping[str, Sequence[int]]) -> list[Row]:
        """The rows of the result (paper 4); the last is the clip's.

        Parameters
        ----------
        fusion : fitted; None: the product of the predictions.
        known : the classes of each specialist that the model has.
        """
        plan = self.plan
        used: Known = {name: known[name] for name in plan.names}
        rows = [self.rows[i] for i in plan.shown]
        whole = [self.rows[i] for i in plan.whole]
        if plan.windows:
            windows = [[self.rows[i] for i in own] for own in plan.spans]
            rows += combine_windows(windows, plan.names, fusion, used, faces=plan.faces)
        rows += whole
        if len(whole) < 2:
            return calibrated(rows, fusion)
        joined = combine_clip(whole, fusion, used, alone=plan.alone)
        return [*rows, replace(joined, person=None, speech=plan.speech, speaks=None)]

    def to_result(
        self, status: FileStatus, about: Mapping[str, Any], persons: tuple[PersonSeen, ...]
    ) -> Result:
        """A result that holds this; `from_result` returns it."""
        return Result(self.rows, (status,), {**about, KEY: asdict(self.plan)}, persons)

    @classmethod
    def from_result(cls, result: Result) -> Self | None:
        """The inverse of `to_result`; None for a result that holds none, as of a wrong file."""
        plan = result.about.get(KEY)
        return None if plan is None else cls(result.rows, Plan(**plan))
