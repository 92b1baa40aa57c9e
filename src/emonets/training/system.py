"""From labelled clips to a model of all specialists and their fusion (paper 3, 4)."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.bundle import check_place
from emonets.datasets.base import Dataset
from emonets.datasets.items import refuse
from emonets.errors import DataError
from emonets.evaluation.compare_fusion import Compared, compare, recommend
from emonets.evaluation.metrics import RESAMPLES, Evaluation, evaluate
from emonets.fusion.average import MeanFusion
from emonets.fusion.base import Fusion
from emonets.fusion.calibration import Abstainer
from emonets.fusion.named import NamedFusion
from emonets.fusion.strategies import RECOMMENDED, FusionSettings, make_fusion
from emonets.model import EmoNets
from emonets.runtime.settings import from_table
from emonets.runtime.store import FeatureStore
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.specialists.audio.specialist import AudioSpecialist
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.training.audio_report import present_only
from emonets.training.material import Material, load_material
from emonets.training.out_of_fold import (
    Said,
    fitted,
    folds_of,
    out_of_fold,
    validation_fold,
)
from emonets.training.parts import Run, extractors_of
from emonets.training.sound_data import check_run
from emonets.training.trainers import make_parts

Echo = Callable[[str], Any]

KINDS: Mapping[str, Any] = {
    "face": FaceSpecialist, "audio": AudioSpecialist, "activity": ActivitySpecialist,
    "mouth": MouthSpecialist,
}  # fmt: skip
COMPARED = ("mean", "product", "calibrated product", "logistic", "logistic by class", "search")
"""What ``fusion.strategy = "recommended"`` chooses among."""


@dataclass(frozen=True)
class Options:
    """How to go about it; none of it changes a number but ``seed`` and ``folds``.

    Attributes
    ----------
    models : which specialists; None: those of the preset that the data show anything.
    base : the bundle whose networks are taken; None: as the preset says.
    folds : of whole groups; None: one a group, ten at most.
    workers : processes. scheduler : address of a Dask cluster in place of them.
    work : folder for what is made on the way; None: beside the store.
    """

    models: Sequence[str] | None = None
    base: str | None = None
    folds: int | None = None
    seed: int = 0
    workers: int = 1
    scheduler: str | None = None
    work: Path | None = None
    echo: Echo = field(default=print, compare=False)


@dataclass(frozen=True, eq=False)
class Scored:
    """What a system says of clips by models that knew neither them nor their people.

    Attributes
    ----------
    data : the clips. said : each specialist's answers.
    fused : (n, 7) all together, by a fusion that has not met the clip. strategy : which.
    scores : by model, and of all together last; among the emotions that the data have.
    masked : the emotions that they do not have. compared : where a strategy was chosen.
    minutes : the whole took.
    """

    data: Material
    said: Said
    fused: NDArray[np.float64]
    strategy: str
    scores: dict[str, Evaluation]
    masked: tuple[str, ...]
    compared: tuple[Compared, ...]
    minutes: float

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) of the clips that are scored."""
        return self.data.labels[self.said.rows]

    @property
    def groups(self) -> NDArray[np.str_]:
        """(n,) whose they are."""
        return self.data.groups[self.said.rows]


class System:
    """A preset's system on labelled clips: extracted once, scored, trained.

    Parameters
    ----------
    datasets : the first is scored and trained on; what others hold is trained on only.
    preset : nested tables.
    store : where features and finished stages are kept; the same call goes on from there.

    Attributes
    ----------
    parts : the specialists by name. notes : what there is to say about the choice. work : folder
        for what is made on the way, or None.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        preset: Mapping[str, Any],
        store: FeatureStore,
        options: Options = Options(),
    ) -> None:
        check_run(options.seed, options.workers)
        if not datasets:
            raise DataError("no data: give a folder of labelled clips, or a manifest")
        self.datasets = tuple(datasets)
        self.preset = preset
        self.store = store
        self.options = options
        self.fusion = fusion_settings(preset)
        self.parts, self.notes = make_parts(
            preset, datasets, models=options.models, base=options.base
        )
        for note in self.notes:
            options.echo(note)
        self.work = options.work
        if self.work is None and store.folder is not None:
            self.work = store.folder / "work"
        self._material: Material | None = None

    def material(self) -> Material:
        """The clips, with what was taken out of them."""
        if self._material is None:
            self._material = self._extract()
        return self._material

    def _extract(self) -> Material:
        options, extractors = self.options, extractors_of(self.parts)
        began = time.monotonic()

        def told(done: int, of: int) -> None:
            if done == of or done % 25 == 0:
                minutes = (time.monotonic() - began) / 60
                left = minutes / done * (of - done)
                options.echo(f"looked at {done} of {of} clips, about {left:.1f} min left")

        data = load_material(
            self.datasets, extractors, self.store, workers=options.workers,
            scheduler=options.scheduler, on_clip=told,
        )  # fmt: skip
        options.echo(
            f"{len(data)} clips of {len(np.unique(data.groups))} groups: {data.made} looked at "
            f"now, {data.reused} from the store, {len(data.dropped)} left out"
        )
        return data

    def score(self, *, official: bool = False) -> Scored:
        """Cross-validate: every clip of the first data set, by models that did not know its group.

        Parameters
        ----------
        official : use the data's own train and valid parts, where there are, in place of folds.
        """
        began = time.monotonic()
        data, options = self.material(), self.options
        folds, split = (validation_fold(data) if official else None) or folds_of(
            data, options.folds
        )
        said = out_of_fold(
            self.parts, data, folds, split, work=self.work, seed=options.seed,
            workers=options.workers, scheduler=options.scheduler, echo=options.echo,
        )  # fmt: skip
        y, groups = data.labels[said.rows], data.groups[said.rows]
        fused, strategy, compared = self._fused(said, y, groups)
        minutes = (time.monotonic() - began) / 60
        return scored(data, said, fused, strategy, compared, seed=options.seed, minutes=minutes)

    def _fused(
        self, said: Said, y: NDArray[np.int64], groups: NDArray[np.str_]
    ) -> tuple[NDArray[np.float64], str, list[Compared]]:
        """(n, 7) by a fusion fitted on the other groups, its name, and what it was compared with.

        A fusion that is fitted has seen, of the other groups, what models said that had met the
        group it is tested on: of a few weights that makes no difference to speak of.
        """
        if len(said.models) == 1:
            return said.P[:, 0], "only " + said.models[0], []
        wanted = self.fusion.strategy
        names = COMPARED if wanted == RECOMMENDED else (wanted,)
        strategies = {name: partial(_made, name, self.fusion) for name in names}
        count = len(np.unique(groups))
        if count < 2:
            raise DataError(f"{self.datasets[0].root}: all clips that are scored are of one group")
        results = compare(
            said.considered(), y, groups, strategies=strategies, models=said.models,
            found=said.found, folds=min(count, 8), seed=self.options.seed, resamples=RESAMPLES,
        )  # fmt: skip
        name = wanted
        if wanted == RECOMMENDED:
            name = recommend(results, y, groups, seed=self.options.seed)
        chosen = next(r for r in results if r.name == name)
        return chosen.p, name, results if wanted == RECOMMENDED else []

    def train(self, out: Path) -> tuple[EmoNets, Scored]:
        """Score, fit the fusion on what was said out of fold, train anew on all, write a bundle.

        Clips that the data keep for testing are not looked at.
        """
        check_place(out)
        began = time.monotonic()
        result = self.score(official=True)
        data, said, options = result.data, result.said, self.options
        rows = np.flatnonzero(data.splits != "test")
        specialists: dict[str, Any] = {}
        card: dict[str, Any] = {}
        with ExitStack() as stack:
            for number, (name, part) in enumerate(self.parts.items(), 1):
                options.echo(f"training {name} on all {len(rows)} clips, {number} of "
                             f"{len(self.parts)}")  # fmt: skip
                run = Run(Path(), options.seed, options.workers, options.echo)
                specialist, about, there = fitted(
                    part, data, rows, run=run, stack=stack, work=self.work,
                    make=KINDS[name].from_arrays,
                )  # fmt: skip
                if there:
                    options.echo(f"{name}: there already")
                specialists[name] = specialist
                card[name] = {
                    "trained_on": data.name, **about, **_words(result.scores[name]),
                    "split": said.split, "seed": options.seed,
                }  # fmt: skip
        fusion = None
        if len(specialists) > 1:
            fusion = fit_fusion(result, self.fusion, seed=options.seed)
            card["fusion"] = {
                "strategy": result.strategy, **_words(result.scores["fused"]), "split": said.split,
                "clips": len(said.rows), "groups": len(np.unique(result.groups)),
                "seed": options.seed,
            }  # fmt: skip
        card["data"] = [
            {"name": d.name, "licence": d.info.licence, "citation": d.info.citation}
            for d in self.datasets
        ]
        card["dropped"] = len(data.dropped)
        card["machine"] = platform.machine()
        about_preset = self.preset.get("name")
        model = EmoNets(**specialists, fusion=fusion, about={"preset": about_preset, "card": card})
        model.save(out)
        options.echo(f"bundle: {out} ({(time.monotonic() - began) / 60:.1f} min)")
        return model, result


def scored(
    data: Material,
    said: Said,
    fused: NDArray[np.float64],
    strategy: str,
    compared: Sequence[Compared] = (),
    *,
    seed: int,
    minutes: float,
) -> Scored:
    """The scores of answers, of each model and of all together, among the emotions there are."""
    y, groups = data.labels[said.rows], data.groups[said.rows]
    several = groups if len(np.unique(groups)) > 1 else None
    scores: dict[str, Evaluation] = {}
    masked: tuple[str, ...] = ()
    answers = {name: said.P[:, j] for j, name in enumerate(said.models)}
    if len(answers) > 1:
        answers["fused"] = fused
    for name, p in answers.items():
        present, masked = present_only(p, y)
        scores[name] = evaluate(y, present, groups=several, seed=seed)
    return Scored(data, said, fused, strategy, scores, masked, tuple(compared), minutes)


def fusion_settings(preset: Mapping[str, Any]) -> FusionSettings:
    """A preset's ``fusion`` table; ParameterError where it is wrong."""
    return from_table(FusionSettings, preset.get("fusion", {}), "fusion")


def _made(name: str, settings: FusionSettings, seed: int | None) -> Fusion:
    return make_fusion(name, seed=seed, numbers=settings)


def fit_fusion(result: Scored, settings: FusionSettings, *, seed: int) -> NamedFusion:
    """The fusion of a bundle, fitted on what was said out of fold, with its threshold.

    The threshold is chosen on what fusions said that had not met the clips.
    """
    said, y = result.said, result.labels
    name = result.strategy
    fusion: Fusion
    if name.startswith("only "):
        fusion = MeanFusion(models=[said.models.index(name.removeprefix("only "))])
    else:
        fusion = make_fusion(name, seed=seed, numbers=settings)
    fusion.fit(said.considered(), y, groups=result.groups, found=said.found)
    rule = Abstainer.for_coverage(result.fused, y, settings.coverage)
    return NamedFusion(fusion, said.models, name, rule)


def check_datasets(datasets: Sequence[Dataset]) -> list[str]:
    """What is wrong with the data, of what can be seen without decoding it.

    Returns
    -------
    Warnings.

    Raises
    ------
    DataError : files missing or damaged, a copy with another label or group, a group in two parts.
    """
    notes = []
    for data in datasets:
        problems = data.validate()
        refuse(problems)
        notes += [str(problem) for problem in problems if problem.level == "warning"]
    return notes


def _words(scores: Evaluation) -> dict[str, Any]:
    """A score for a card: what models of the same kind reached that did not know the clips."""
    return {
        name: [round(x, 4) for x in (score.value, score.low, score.high)]
        for name, score in (("accuracy", scores.accuracy), ("uar", scores.uar))
    }
