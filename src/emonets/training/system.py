"""From labelled clips to a model of all specialists and their fusion (paper 3, 4)."""

from __future__ import annotations

import logging
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
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
from emonets.errors import DataError, ParameterError
from emonets.evaluation.compare_fusion import Compared, compare, recommend
from emonets.evaluation.metrics import RESAMPLES, Evaluation
from emonets.fusion.average import MeanFusion
from emonets.fusion.base import Fusion
from emonets.fusion.calibration import Abstainer
from emonets.fusion.named import NamedFusion
from emonets.fusion.strategies import RECOMMENDED, FusionSettings, make_fusion
from emonets.learners.folds import Indices
from emonets.model import EmoNets
from emonets.provenance.corpus import Provenance, united
from emonets.runtime.progress import OnProgress, duration, heartbeat, no_progress
from emonets.runtime.settings import from_table
from emonets.runtime.store import FeatureStore
from emonets.training.division import check_division, division
from emonets.training.joined import NOT_THE_FACE
from emonets.training.material import Material, check_stills, load_material
from emonets.training.out_of_fold import OutOfFold, fitted, out_of_fold
from emonets.training.provenance import base_corpora, corpora_of
from emonets.training.scores import FUSED, Scored, scored
from emonets.training.trainers import extractors_of, load_specialist, make_trainers
from emonets.training_contract import Run, check_run

log = logging.getLogger(__name__)

_LINE_EVERY = 10.0  # seconds between two lines about clips

COMPARED = ("mean", "product", "calibrated product", "logistic", "logistic by class", "search")
"""What ``fusion.strategy = "recommended"`` chooses among."""


@dataclass(frozen=True)
class Options:
    """Options of a training. ``workers``, ``scheduler`` and ``work`` do not change its results.

    Attributes
    ----------
    models : which specialists; None: those of the preset for which the data have usable input.
    base : the bundle whose networks are taken; None: as the preset names it.
    folds : number of folds of whole groups. None: the corpus' published folds, or one for each
        group, ten at most. ``each``: one for each group.
    workers : processes. scheduler : address of a Dask cluster in place of them.
    work : folder of intermediate files; None: beside the store.
    on_progress : called with the stage (``clips``, ``models``, ``specialists``), how many are
        done, and how many there are.
    scored : how many of the data sets, from the first on, are scored; the rest only trains.
    """

    models: Sequence[str] | None = None
    base: str | None = None
    folds: int | str | None = None
    seed: int = 0
    workers: int = 1
    scheduler: str | None = None
    work: Path | None = None
    on_progress: OnProgress = field(default=no_progress, compare=False)
    scored: int = 1


class System:
    """A preset's system on labelled clips: extracts features once, scores, trains.

    Parameters
    ----------
    datasets : the first ``options.scored`` of them are scored and trained on. The others are
        trained on only.
    preset : nested tables.
    store : where features and finished stages are kept. The same call continues from there.

    Attributes
    ----------
    trainers : of the specialists, by name. notes : on the choice of specialists and networks.
    work : folder of intermediate files, or None.
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
        self.trainers, self.notes = make_trainers(
            preset,
            datasets,
            models=options.models,
            base=options.base,
            store=store,
            workers=options.workers,
        )
        check_stills(datasets, extractors_of(self.trainers))
        for note in self.notes:
            log.info(note)
        self.work = options.work
        if self.work is None and store.folder is not None:
            self.work = store.folder / "work"
        self._material: Material | None = None

    def material(self) -> Material:
        """The clips with their features."""
        if self._material is None:
            self._material = self._extract()
        return self._material

    def _extract(self) -> Material:
        options, extractors = self.options, extractors_of(self.trainers)
        began = last = time.monotonic()

        def on_clip(done: int, of: int, share: float) -> None:
            nonlocal last
            options.on_progress("clips", done, of)
            now = time.monotonic()
            if done == of or now - last >= _LINE_EVERY:
                last = now
                left = (now - began) * (1 - share) / max(share, 1e-9)
                log.info(f"{done} of {of} clips read, about {duration(left)} left")

        data = load_material(
            self.datasets, extractors, self.store, scored=options.scored,
            workers=options.workers, scheduler=options.scheduler, on_clip=on_clip,
        )  # fmt: skip
        log.info(
            f"{len(data)} clips of {len(np.unique(data.groups))} groups: {data.made} read "
            f"now, {data.reused} from the store, {len(data.dropped)} left out"
        )
        return data

    def clean(self) -> None:
        """Remove intermediate files beside the store; finished stages stay in the store.

        A folder given as ``options.work`` stays.
        """
        if self.options.work is None and self.work is not None:
            shutil.rmtree(self.work, ignore_errors=True)

    def score(self, *, official: bool = False) -> Scored:
        """Cross-validate: predict each scored clip by models that were not trained on its group.

        Parameters
        ----------
        official : use the data's own train and valid parts in place of folds, if they exist.
        """
        began = time.monotonic()
        options = self.options
        check_division(
            self.datasets, options.folds, scored=options.scored, official=official,
            several=len(self.trainers) > 1,
        )  # fmt: skip
        data = self.material()
        folds, split = division(data, options.folds, official=official)
        predictions = out_of_fold(
            self.trainers, data, folds, split, work=self.work, seed=options.seed,
            workers=options.workers, scheduler=options.scheduler,
            on_progress=options.on_progress,
        )  # fmt: skip
        y, groups = data.labels[predictions.rows], data.groups[predictions.rows]
        fused, strategy, compared = self._fused(predictions, y, groups)
        minutes = (time.monotonic() - began) / 60
        before = Provenance(base_corpora(self.trainers)).names()
        return scored(
            data, predictions, fused, strategy, compared, seed=options.seed, minutes=minutes,
            trained_on=before,
        )  # fmt: skip

    def _fused(
        self, predictions: OutOfFold, y: NDArray[np.int64], groups: NDArray[np.str_]
    ) -> tuple[NDArray[np.float64], str, list[Compared]]:
        """(n, 7) by a fusion fitted on the other groups, its name, and the strategies compared.

        A fusion is fitted on predictions for the other groups. Some of these come from models
        that were trained on the group it is tested on. For a few weights this hardly matters.
        """
        if len(predictions.models) == 1:
            return predictions.P[:, 0], "only " + predictions.models[0], []
        strategy = self.fusion.strategy
        names = COMPARED if strategy == RECOMMENDED else (strategy,)
        strategies = {name: partial(_made, name, self.fusion) for name in names}
        count = len(np.unique(groups))
        if count < 2:
            raise DataError(f"{self.datasets[0].root}: all clips that are scored are of one group")
        results = compare(
            predictions.considered(), y, groups, strategies=strategies, models=predictions.models,
            found=predictions.found, folds=min(count, 8), seed=self.options.seed,
            resamples=RESAMPLES,
        )  # fmt: skip
        name = strategy
        if strategy == RECOMMENDED:
            name = recommend(results, y, groups, seed=self.options.seed)
        chosen = next(r for r in results if r.name == name)
        return chosen.p, name, results if strategy == RECOMMENDED else []

    def train(
        self, out: Path, *, add_to: EmoNets | None = None, score: bool = True
    ) -> tuple[EmoNets, Scored | None]:
        """Score, fit the fusion on out-of-fold predictions, train on all clips, write a bundle.

        Clips of a test part are not used.

        Parameters
        ----------
        add_to : a model whose other specialists are copied; its fusion is not.
        score : False: train only. A fusion cannot be fitted then, so this is for one specialist.

        Raises
        ------
        ParameterError : several specialists without scores.
        """
        check_place(out)
        if not score and len(self.trainers) > 1:
            raise ParameterError(
                "a fusion of several specialists requires scores; train with scores, or only one"
            )
        began = time.monotonic()
        result = self.score(official=True) if score else None
        data, options = self.material(), self.options
        rows = np.flatnonzero(data.splits != "test")
        if not len(rows):
            raise DataError(
                f"{data.name}: all clips are of the test part; give clips of other parts to "
                "train on"
            )
        choosing = rows[data.splits[rows] == "valid"]
        specialists: dict[str, Any] = {}
        card: dict[str, Any] = {}
        with ExitStack() as stack:
            for number, (name, trainer) in enumerate(self.trainers.items(), 1):
                log.info(f"training {name} on all {len(rows)} clips, {number} of "
                             f"{len(self.trainers)}")  # fmt: skip
                run = Run(
                    Path(), options.seed, options.workers,
                    choosing if 0 < len(choosing) < len(rows) else None,
                )  # fmt: skip
                with heartbeat(f"{name} on all clips"):
                    specialist, about, reused = fitted(
                        trainer, data, rows, run=run, stack=stack, work=self.work,
                        make=partial(load_specialist, name),
                    )  # fmt: skip
                options.on_progress("specialists", number, len(self.trainers))
                if reused:
                    log.info(f"{name}: taken from the store")
                specialists[name] = specialist
                card[name] = {"trained_on": data.name, **about, "seed": options.seed}
                if result is not None:
                    card[name] |= {**_words(result.scores[name]), "split": result.predictions.split}
        fusion = None
        if result is not None and len(specialists) > 1:
            fusion = fit_fusion(result, self.fusion, seed=options.seed)
            card["fusion"] = {
                "strategy": result.strategy, **_words(result.scores[FUSED]),
                "split": result.predictions.split, "clips": len(result.predictions.rows),
                "groups": len(np.unique(result.groups)), "seed": options.seed,
            }  # fmt: skip
        card["data"] = [
            {"name": d.name, "licence": d.info.licence, "citation": d.info.citation}
            for d in self.datasets
        ]
        card["dropped"] = len(data.dropped)
        card["machine"] = platform.machine()
        active = None
        if add_to is not None:
            specialists, card = {**add_to.specialists, **specialists}, _beside(add_to, card)
            active = [name for name in specialists if name in (*add_to.active, *self.trainers)]
            fusion = None  # it was fitted on predictions of other specialists
        about_preset = self.preset.get("name")
        model = EmoNets(
            **specialists, fusion=fusion, active=active,
            about={"preset": about_preset, "card": card}, provenance=self._provenance(rows, add_to),
        )  # fmt: skip
        model.save(out)
        self.clean()
        log.info(f"bundle: {out} ({(time.monotonic() - began) / 60:.1f} min)")
        return model, result

    def _provenance(self, rows: Indices, add_to: EmoNets | None) -> Provenance:
        """For each specialist: these clips, and what its network was trained on before."""
        options = self.options
        own = corpora_of(
            self.material(), rows, self.datasets, self.trainers.values(),
            workers=options.workers, scheduler=options.scheduler,
        )  # fmt: skip
        found = {} if add_to is None else dict(add_to.provenance.corpora)
        for name, before in base_corpora(self.trainers).items():
            found[name] = united(before, own)
        return Provenance(found)


def _beside(model: EmoNets, card: dict[str, Any]) -> dict[str, Any]:
    """A model's card with the new entries in place of the old ones."""
    old = dict(model.about["card"])
    if "face" in card:  # the face's entries of an older card are at its top
        old = {key: value for key, value in old.items() if key in NOT_THE_FACE}
    old.pop("fusion", None)
    data = [*old.get("data", []), *(d for d in card["data"] if d not in old.get("data", []))]
    return {**old, **card, "data": data}


def fusion_settings(preset: Mapping[str, Any]) -> FusionSettings:
    """A preset's ``fusion`` table; ParameterError where it is wrong."""
    return from_table(FusionSettings, preset.get("fusion", {}), "fusion")


def _made(name: str, settings: FusionSettings, seed: int | None) -> Fusion:
    return make_fusion(name, seed=seed, numbers=settings)


def fit_fusion(result: Scored, settings: FusionSettings, *, seed: int) -> NamedFusion:
    """The fusion of a bundle, fitted on out-of-fold predictions, with its threshold.

    The threshold is chosen on predictions of fusions that were not fitted on the same clips.
    """
    predictions, y = result.predictions, result.labels
    name = result.strategy
    fusion: Fusion
    if name.startswith("only "):
        fusion = MeanFusion(models=[predictions.models.index(name.removeprefix("only "))])
    else:
        fusion = make_fusion(name, seed=seed, numbers=settings)
    fusion.fit(predictions.considered(), y, groups=result.groups, found=predictions.found)
    rule = Abstainer.for_coverage(result.fused, y, settings.coverage)
    return NamedFusion(fusion, predictions.models, name, rule)


def check_datasets(datasets: Sequence[Dataset], *, shared_groups: bool = False) -> list[str]:
    """Check the data without decoding them.

    Parameters
    ----------
    shared_groups : whether a group may lie in two parts.

    Returns
    -------
    Warnings.

    Raises
    ------
    DataError : files are missing or damaged, copies differ in label or group, a piece lies behind
        the end of its file, or a group is in two parts.
    """
    notes = []
    for data in datasets:
        problems = data.validate()
        refuse(p for p in problems if not (shared_groups and p.kind == "group"))
        notes += [str(problem) for problem in problems if problem.level == "warning"]
    return notes


def _words(scores: Evaluation) -> dict[str, Any]:
    """A score for a card: of models of the same kind that were not trained on the clips."""
    return {
        name: [round(x, 4) for x in (score.value, score.low, score.high)]
        for name, score in (("accuracy", scores.accuracy), ("uar", scores.uar))
    }
