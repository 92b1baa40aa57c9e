"""The activity specialist: local motion → words → histogram → chi-square SVM (paper 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.contracts import (
    FRAMES,
    TUBES,
    BaseReader,
    Features,
    Predictions,
    Spans,
    of_spans,
)
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.folds import Fold
from emonets.learners.grid_search import EXPONENTS, TwoStageGridSearch
from emonets.learners.svm.chi2 import Chi2SVC, chi2_distances, chi2_kernel
from emonets.learners.svm.coupled import CoupledSVC
from emonets.learners.word_histogram import histogram
from emonets.media.clip import Clip, Frame
from emonets.one_pass import read_clip
from emonets.specialists.activity.code import MotionCode
from emonets.specialists.activity.pictures import Affine, grey, shrink
from emonets.specialists.activity.superblocks import MotionReader, Motions
from emonets.tubes.detect import DetectorLike
from emonets.tubes.tube import FaceTube

SEEN_ON = ("frames", "tubes")
"""Where motion is described: on whole frames or on face tubes."""
C_GRID: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Powers of ten that C is searched among, and then powers of two around the best (4.2)."""

_TRACKS = 16  # faces that are followed at a time; of further ones the longest unseen is let go
_FOLDS = 5


class ActivityReader(BaseReader):
    """Takes the pictures of a clip one by one, and returns its motion words at the end.

    Made by :meth:`ActivitySpecialist.open`. Memory grows by 14 bytes a super block: those of
    whole frames of 360 × 270 take 3 MB a minute, those of a face tube 0.2 MB.
    """

    def __init__(
        self,
        code: MotionCode,
        needs: frozenset[str] = frozenset({FRAMES}),
        *,
        longest: int | None = None,
        affine: Affine | None = None,
    ) -> None:
        self.code = code
        self.needs = needs
        self._longest = longest
        self._affine = affine
        self._readers: dict[int, tuple[MotionReader, int]] = {}
        self._parts: list[tuple[NDArray[np.int32], NDArray[np.float32], float]] = []
        self._first = self._last = 0.0
        self._count = 0

    def push_frame(self, frame: Frame) -> None:
        """Take a whole frame.

        Raises
        ------
        DataError : a picture that is not RGB or grey uint8.
        """
        self._step(frame.time)
        self._describe(0, frame.index, shrink(grey(frame.image), self._longest), frame.time)

    def push_tube(self, tube: FaceTube) -> None:
        """Take a piece of a face tube. A gap in a tube ends what went before."""
        self.push_crops(tube.track, tube.index, tube.times, tube.crops)

    def push_crops(
        self, track: int, index: ArrayLike, times: ArrayLike, crops: NDArray[np.uint8]
    ) -> None:
        """Take a piece of a face tube as arrays.

        Parameters
        ----------
        track : which face.
        index, times : (n,) numbers of the frames, and seconds.
        crops : (n, side, side) grey or (n, side, side, 3) RGB.
        """
        for i, time, crop in zip(np.asarray(index), np.asarray(times), crops, strict=True):
            self._step(float(time))
            self._describe(int(track), int(i), grey(crop), float(time), gaps=True)

    def finish(self) -> Features:
        """End of the clip: its features, as :meth:`ActivitySpecialist.extract` gives them."""
        count = sum(len(words) for words, _, _ in self._parts)
        kind = np.int16 if len(self.code.words.words_) < 2**15 else np.int32
        words, weight = np.empty(count, kind), np.empty(count, np.float32)
        time = np.empty(count)
        start = 0
        for part, energy, when in sorted(self._parts, key=lambda found: found[2]):
            here = slice(start, start + len(part))
            words[here], weight[here], time[here] = part, energy, when
            start = here.stop
        step = (self._last - self._first) / max(self._count - 1, 1)
        return {
            "words": words,
            "weight": weight,
            "time": time,
            "span": np.array([self._first, self._last + step]),
            "found": np.array(count > 0),
        }

    def _step(self, time: float) -> None:
        self._first = min(self._first, time) if self._count else time
        self._last = max(self._last, time) if self._count else time
        self._count += 1

    def _describe(
        self, track: int, index: int, image: NDArray[np.uint8], time: float, *, gaps: bool = False
    ) -> None:
        reader, before = self._readers.pop(track, (None, index - 1))
        if reader is None:
            reader = MotionReader(self.code.filters, self.code.projection)
        elif gaps and index != before + 1:
            reader.restart()
        self._readers[track] = reader, index  # the last seen is the last in order
        if len(self._readers) > _TRACKS:
            del self._readers[next(iter(self._readers))]
        motions = reader.push(image if self._affine is None else self._affine(image), time)
        if motions is not None and len(motions.energy):
            self._parts.append(_words(self.code, motions))


class ActivitySpecialist:
    """Seven probabilities for a clip by the motion in it.

    Parameters
    ----------
    code : what turns pictures into motion words.
    svm : a fitted machine of histograms; without one nothing can be predicted yet.
    on : "frames", whole frames, or "tubes", the faces in them.
    longest : whole frames whose longer side has more pixels are shrunk; None: native size (3.3).
    weighted : whether a super block counts as much as it moves, as in the authors' code, or as
        any other, as in the paper.
    """

    name = "activity"
    finds = "motion"
    per_face = False

    def __init__(
        self,
        code: MotionCode,
        *,
        svm: Chi2SVC | None = None,
        on: str = "frames",
        longest: int | None = None,
        weighted: bool = False,
    ) -> None:
        if on not in SEEN_ON:
            raise ParameterError(f"on must be one of {', '.join(SEEN_ON)}, not {on!r}")
        self.code = code
        self.svm = svm
        self.on = on
        self.longest = longest
        self.weighted = weighted

    @property
    def known_classes(self) -> tuple[int, ...]:
        """The emotions, 0..6, that it can predict: those it was trained on. Unfitted: all."""
        classes = range(len(EMOTIONS)) if self.svm is None else self.svm.classes_
        return tuple(int(c) for c in classes)

    @property
    def decision(self) -> str:
        """In words, how a clip's motion becomes one prediction."""
        counted = "weighted by their motion" if self.weighted else "counted"
        where = "whole frames" if self.on == "frames" else "face tubes"
        kernel = "chi-square" if self.svm is None else f"{self.svm.kernel} chi-square"
        return f"{kernel} SVM on {len(self.code.words.words_)} motion words of {where}, {counted}"

    @property
    def needs(self) -> frozenset[str]:
        """Whole frames or face tubes, as ``on`` names."""
        return frozenset({FRAMES if self.on == "frames" else TUBES})

    def open(self, *, device: str = "cpu", affine: Affine | None = None) -> ActivityReader:
        """A reader of one clip's frames or face tubes; ``affine`` changes all pictures."""
        return ActivityReader(self.code, self.needs, longest=self.longest, affine=affine)

    def predict(self, features: Features, spans: Spans) -> Predictions:
        """Of every span, and of the clip; see `emonets.contracts.Specialist`."""
        edges = np.searchsorted(features["time"], np.asarray(spans).reshape(-1, 2))
        return of_spans(
            spans, edges[:, 1] > edges[:, 0], self.predict_spans(features, spans),
            (float(features["span"][0]), float(features["span"][1])), bool(features["found"]),
            self.predict_proba(features)[0],
        )  # fmt: skip

    def extract(
        self, clip: Clip, *, detector: DetectorLike = "auto", affine: Affine | None = None
    ) -> Features:
        """Look at all the motion of a clip.

        Parameters
        ----------
        detector : finds the faces, where motion is described on face tubes.
        affine : a change of all pictures, for training.

        Returns
        -------
        dict of arrays, an entry a super block that shows anything, in order of time: ``words``
        (n,) int, ``weight`` (n,) 0..1 how much it moves, ``time`` (n,) seconds of its middle;
        and, once a clip, ``span`` (2,) start and end of the pictures in seconds, and ``found``
        (), whether there is any super block: there is none in clips of fewer than 14 frames in a
        row, of pictures below 20 pixels, of one grey, or (on tubes) without a face.

        Raises
        ------
        MediaError : the clip has no pictures or cannot be decoded.
        """
        readers = {self.name: self.open(affine=affine)}
        return read_clip(clip, readers, detector=detector).features[self.name]

    def histogram(
        self, features: Features, span: tuple[float, float] | None = None
    ) -> NDArray[np.float64]:
        """(words,) of a clip, or of what lies in a span of seconds: sums to one, or is 0."""
        use = slice(None)
        if span is not None:
            first, last = np.searchsorted(features["time"], span)
            use = slice(int(first), int(last))
        weights = features["weight"][use] if self.weighted else None
        bins = histogram(features["words"][use], len(self.code.words.words_), weights)
        if self.weighted and not bins.any() and len(features["words"][use]):
            return histogram(features["words"][use], len(bins))  # nothing moves: all count alike
        return bins

    def predict_proba(self, features: Features | Sequence[Features]) -> NDArray[np.float64]:
        """(n, 7) for the features of one clip or of several; nothing found: 1/7 each."""
        clips = [features] if isinstance(features, Mapping) else list(features)
        return self._answers([self.histogram(clip) for clip in clips])

    def predict_spans(self, features: Features, spans: Spans) -> NDArray[np.float64]:
        """(n, 7) for spans of a clip in seconds; where nothing is found 1/7 each.

        A super block belongs to the span that its middle lies in, the end excluded.
        """
        return self._answers([self.histogram(features, (start, end)) for start, end in spans])

    def fit(
        self,
        features: Sequence[Features],
        y: ArrayLike,
        groups: ArrayLike | None = None,
        *,
        kernel: str = "exponential",
        gamma: float = 0.5,
        C: float | None = None,
        grid: Sequence[float] = C_GRID,
        exponents: Sequence[float] = EXPONENTS,
        folds: int = _FOLDS,
        seed: int = 0,
    ) -> Self:
        """Train the SVM on labelled clips.

        Parameters
        ----------
        features : of each clip, from :meth:`extract`.
        y : (n,) canonical classes; those that do not occur are never predicted.
        groups : (n,) whose folds must not share members (such as persons).
        kernel, gamma : see `emonets.learners.svm.chi2`.
        C : None searches for it, by the accuracy in folds (4.2).
        grid, exponents, folds : of that search, see :func:`search_penalty`.

        Raises
        ------
        DataError : clips and labels that do not fit, or a clip in which nothing was found.
        ParameterError : one class only, or a parameter out of its range.
        """
        labels = np.asarray(y)
        if labels.shape != (len(features),) or not len(features):
            raise DataError(f"{len(features)} clips and labels of shape {labels.shape}")
        empty = [i for i, clip in enumerate(features) if not clip["found"]]
        if empty:
            raise DataError(
                f"clip {empty[0]} (and {len(empty) - 1} more) shows no motion that could be "
                "described: it is shorter than 14 frames, smaller than 20 pixels, of one grey, or "
                "without a face; leave it out"
            )
        X = np.stack([self.histogram(clip) for clip in features])
        if C is None:
            C, _ = search_penalty(
                X, labels, groups, kernel=kernel, gamma=gamma, folds=folds, grid=grid,
                exponents=exponents, seed=seed,
            )  # fmt: skip
        machine = Chi2SVC(C=C, kernel=kernel, gamma=gamma, random_state=seed)
        self.svm = machine.fit(X, labels, groups=groups)
        return self

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, dict[str, NDArray[Any]]]]:
        """Settings (JSON) and arrays by part, for a bundle."""
        parts = self.code.to_arrays()
        if self.svm is not None:
            parts["activity_svm"] = self.svm.to_arrays()
        settings = {"on": self.on, "longest": self.longest, "weighted": self.weighted}
        return settings, parts

    @classmethod
    def from_arrays(
        cls, settings: Mapping[str, Any], parts: Mapping[str, Mapping[str, NDArray[Any]]]
    ) -> Self:
        """The inverse of :meth:`to_arrays`; raises :class:`BundleError` where it does not fit."""
        code, svm = MotionCode.from_arrays(parts), None
        if "activity_svm" in parts:
            svm = Chi2SVC.from_arrays(parts["activity_svm"])
            valid = set(np.asarray(svm.classes_).tolist()) <= set(range(len(EMOTIONS)))
            if svm.n_features_in_ != len(code.words.words_) or not valid:
                raise BundleError("the activity SVM is not one of these words and the emotions")
        try:
            longest = settings["longest"]
            return cls(
                code,
                svm=svm,
                on=settings["on"],
                longest=None if longest is None else int(longest),
                weighted=bool(settings["weighted"]),
            )
        except (KeyError, TypeError, ValueError, ParameterError) as error:
            raise BundleError(f"the activity specialist is incomplete: {error!r}") from None

    def _answers(self, bins: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        if self.svm is None:
            raise DataError("no labelled clips have trained the activity specialist; fit it first")
        out = np.full((len(bins), len(EMOTIONS)), UNIFORM)
        found = [i for i, of in enumerate(bins) if of.any()]
        if found:
            full = np.zeros((len(found), len(EMOTIONS)))
            p = self.svm.predict_proba(np.stack([bins[i] for i in found]))
            full[:, np.asarray(self.svm.classes_, np.int64)] = p
            out[found] = full
        return out


def search_penalty(
    X: NDArray[np.float64],
    y: NDArray[Any],
    groups: ArrayLike | None = None,
    *,
    kernel: str = "exponential",
    gamma: float = 0.5,
    folds: Sequence[Fold] | int = _FOLDS,
    grid: Sequence[float] = C_GRID,
    exponents: Sequence[float] = EXPONENTS,
    seed: int = 0,
) -> tuple[float, float]:
    """The C of a chi-square machine that is right most often in folds of (n, d) histograms.

    Parameters
    ----------
    folds : (train, test) positions; or how many, at most one a group.
    grid : values that are tried first. exponents : of two, times the best of these, then.

    Returns
    -------
    C, and its accuracy in the folds.
    """
    distances, sums = chi2_distances(X), X.sum(axis=1)
    values = chi2_kernel(
        distances, sums, sums, kernel=kernel, gamma=gamma, mean=float(distances.mean()) or 1.0
    )
    cv: Any = folds
    if isinstance(folds, int):
        cv = folds if groups is None else min(folds, len(np.unique(np.asarray(groups))))
        cv = max(cv, 2)
    machine = CoupledSVC(kernel="precomputed", random_state=seed)
    search = TwoStageGridSearch(machine, coarse={"C": grid}, exponents=exponents, cv=cv)
    search.fit(values, y, groups=groups)
    return float(search.best_params_["C"]), float(search.best_score_)


def _words(
    code: MotionCode, motions: Motions
) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    energy = np.maximum(motions.energy, 0.0)  # 1/2 less 1/2 may round to below 0
    return code.words.nearest(motions.descriptors), energy, motions.time
