"""The mouth specialist: face tubes → mouth crops → bag of patches → seven probabilities (3.4)."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from emonets.contracts import TUBES, Features, Predictions, Spans
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.logistic.frames import FrameLogistic
from emonets.learners.logistic.quantised import quantise_rows
from emonets.learners.patches.bag import BagOfPatches
from emonets.media.clip import Clip, Frame
from emonets.one_pass import Describer, TubeReader, about_pictures, no_pictures, read_clip
from emonets.specialists.descriptor import merge_frames
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.penalty import choosing_folds, penalty_scores
from emonets.specialists.per_face import predict_faces
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.registration import TUBE_SIZE
from emonets.tubes.tube import FaceTube

log = logging.getLogger(__name__)

STRENGTHS = (3.0, 1.0, 3e-1, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
"""Penalties of the logistic regression that are tried, from the strongest on (the authors': 1e-3).
"""
_ROWS = 256  # mouths whose features are in memory together


class MouthSpecialist:
    """Seven probabilities for a clip by the mouths in it.

    Parameters
    ----------
    view : what is cut out of a tube.
    bag : the features, fitted or, before :meth:`fit`, only with its parameters.
    classifier : of the features of single pictures, likewise; its classes are emotions 0..6.
    strengths : penalties of the classifier among which :meth:`fit` chooses, by the mean -log p of
        clips that were not trained on: ``losses_`` and, for reading, their accuracy, ``scores_``.
    """

    name = "mouth"
    needs = frozenset({TUBES})
    finds = "face"
    per_face = True

    def __init__(
        self,
        view: MouthView | None = None,
        *,
        bag: BagOfPatches | None = None,
        classifier: FrameLogistic | None = None,
        strengths: Sequence[float] = STRENGTHS,
    ) -> None:
        self.view = MouthView() if view is None else view
        self.bag = BagOfPatches() if bag is None else bag
        self.classifier = FrameLogistic() if classifier is None else classifier
        self.strengths = tuple(float(s) for s in strengths)
        if not self.strengths:
            raise ParameterError("strengths is empty; name at least one penalty")
        self._landmarker: FaceLandmarker | None = None

    def __getstate__(self) -> dict[str, Any]:
        # an open network cannot be sent to another process; it is opened anew there
        return {**self.__dict__, "_landmarker": None}

    @property
    def known_classes(self) -> tuple[int, ...]:
        """The emotions, 0..6, that it can predict: those it was trained on. Unfitted: all."""
        return tuple(int(c) for c in getattr(self.classifier, "classes_", range(len(EMOTIONS))))

    @property
    def decision(self) -> str:
        """In words, how a clip's frames become one prediction."""
        return (
            f"mean over frames of a logistic regression on {self.bag.n_features_out_:,} patch "
            f"features of the mouth ({self.view.region} region, {self.view.colour})"
        )

    def inputs(self, tube: FaceTube) -> NDArray[np.uint8]:
        """The mouth crops of a tube: (n, 30, 40[, 3]) uint8.

        Raises
        ------
        DataError : the tube has another size or colour than the model was made for.
        """
        if self.view.region == "fixed" or not len(tube.crops):
            return self.view.cut(tube.crops, np.zeros((len(tube.crops), 68, 2)))
        if self._landmarker is None:
            self._landmarker = FaceLandmarker(threads=1)
        return self.view.cut(tube.crops, self._landmarker.points(tube.crops))

    def describe(self, tube: FaceTube) -> Features:
        """Probabilities of each picture of a tube, by the mouth in it.

        Returns
        -------
        dict of arrays, one entry a picture: ``probabilities`` (n, 7), ``known`` (n,) bool, False
        where the crop shows nothing (one colour all over; black and white for a model of
        colours) and the probabilities are 1/7 each; and ``track, index, time, boxes, detected,
        score`` as the face specialist has them.

        Raises
        ------
        DataError : the tube has another size or colour than the model was made for.
        """
        mouths = self.inputs(tube)
        known = self.view.known(mouths)
        probabilities = np.full((len(mouths), len(EMOTIONS)), UNIFORM)
        probabilities[known] = self.picture_probabilities(mouths[known])
        return {"probabilities": probabilities, "known": known, **about_pictures(tube)}

    def empty(self) -> Features:
        """What :meth:`describe` returns, without an entry."""
        return {
            "probabilities": np.empty((0, len(EMOTIONS))), "known": np.empty(0, np.bool_),
            **no_pictures(),
        }  # fmt: skip

    def open(self, *, device: str = "cpu") -> TubeReader:
        """A reader of one clip's face tubes; its features are those of :meth:`extract`."""
        return TubeReader(self)

    def predict(self, features: Features, spans: Spans) -> Predictions:
        """Of every face in every span, and of the clip; see `emonets.contracts.Specialist`."""
        return predict_faces(features, spans, self.predict_proba)

    def extract(
        self,
        clip: Clip,
        *,
        detector: DetectorLike = "auto",
        stride: int = 1,
        crops: CropFolder | None = None,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> Features:
        """The features of the mouth of every face of a clip.

        Returns
        -------
        dict of arrays, as of :meth:`describe`, in order of time and then track; and ``span`` and
        ``step`` of the pictures.

        Raises
        ------
        MediaError : the clip has no pictures or cannot be decoded.
        """
        return read_clip(
            clip, {self.name: self.open()}, detector=detector, stride=stride, crops=crops,
            on_frame=on_frame,
        ).features[self.name]  # fmt: skip

    def extract_mouths(
        self, clip: Clip, *, detector: DetectorLike = "auto", stride: int = 1
    ) -> Features:
        """The mouth crops of a clip, to train on.

        Returns
        -------
        dict of arrays: ``mouths`` (n, 30, 40[, 3]) uint8 and, as in :meth:`extract`, ``known`` and
        what is known of each picture.
        """
        reader = {self.name: TubeReader(self.keeper())}
        return read_clip(clip, reader, detector=detector, stride=stride).features[self.name]

    def keeper(self) -> Describer:
        """What returns the mouth crops themselves, for :meth:`extract_mouths`."""
        return _MouthsOf(self)

    def picture_probabilities(self, mouths: ArrayLike) -> NDArray[np.float64]:
        """(n, 7) for mouth crops (n, 30, 40[, 3]), each by itself."""
        x = np.asarray(mouths)
        out = np.zeros((len(x), len(EMOTIONS)))
        columns = np.asarray(self.classifier.classes_, np.int64)
        for start in range(0, len(x), _ROWS):
            features = self.bag.transform(x[start : start + _ROWS])
            out[start : start + _ROWS, columns] = self.classifier.predict_proba(features)
        return out

    def predict_frames(self, features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Time stamps (t,) in seconds and the mean probabilities (t, 7) of the mouths then."""
        known = features["known"]
        if not known.any():
            return np.empty(0), np.empty((0, len(EMOTIONS)))
        index, merged = merge_frames(features["index"][known], features["probabilities"][known])
        return features["time"][np.searchsorted(features["index"], index)], merged

    def predict_proba(self, features: Features | Sequence[Features]) -> NDArray[np.float64]:
        """(n, 7) for the features of one clip or of several; no mouth: 1/7 each."""
        clips = [features] if isinstance(features, Mapping) else list(features)
        out = np.full((len(clips), len(EMOTIONS)), UNIFORM)
        for i, clip in enumerate(clips):
            if clip["known"].any():
                out[i] = clip["probabilities"][clip["known"]].mean(axis=0)
        return out

    def fit(
        self, features: Sequence[Features], y: ArrayLike, groups: ArrayLike | None = None
    ) -> Self:
        """Train on labelled clips; those without a mouth are left out.

        Parameters
        ----------
        features : of each clip, from :meth:`extract_mouths`.
        y : (n,) canonical classes.
        groups : (n,) whose folds must not share members (such as persons).

        Raises
        ------
        DataError : numbers that do not match, no mouths, or features that hold none.
        """
        labels = np.asarray(y)
        if any("mouths" not in clip for clip in features):
            raise DataError("features hold no mouths to train on; take extract_mouths for them")
        use = [i for i, clip in enumerate(features) if clip["known"].any()]
        if labels.shape != (len(features),) or not use:
            raise DataError(f"{len(features)} clips, {labels.shape} labels, {len(use)} with mouths")
        mouths = [features[i]["mouths"][features[i]["known"]] for i in use]
        clips = np.repeat(use, [len(part) for part in mouths])
        group = clips if groups is None else np.asarray(groups)[clips]
        return self.fit_pictures(np.concatenate(mouths), labels[clips], clips, group)

    def fit_pictures(
        self,
        mouths: NDArray[np.uint8],
        labels: NDArray[np.int64],
        clips: NDArray[Any],
        groups: NDArray[Any],
        *,
        choosing: NDArray[np.bool_] | None = None,
        work: Path | None = None,
    ) -> Self:
        """Train on mouth crops: dictionaries, then the penalty, then the classifier.

        Parameters
        ----------
        mouths : (n, 30, 40[, 3]), of pictures that are known (`MouthView.known`).
        labels : (n,) canonical classes; clips, groups : (n,) which clip and group each is of.
        choosing : (n,) pictures on which the penalty is chosen; nothing else is trained on them.
            None: it is chosen in three folds of groups, and all pictures are then trained on.
        work : folder for the features of all pictures, a byte a number; by default a temporary
            one. They are deleted afterwards.

        Raises
        ------
        DataError : one group only, where there are no pictures for choosing.
        """
        if tuple(mouths.shape[1:]) != self.view.shape:
            raise DataError(
                f"expected mouth crops of shape {self.view.shape}, got {mouths.shape[1:]}"
            )
        learning = np.ones(len(mouths), bool) if choosing is None else ~choosing
        if choosing is None:
            folds = choosing_folds(groups)
        else:
            folds = [(np.flatnonzero(learning), np.flatnonzero(choosing))]
        self.bag = clone(self.bag).fit(mouths[learning] if choosing is not None else mouths)
        log.info(f"dictionaries of {len(self.bag.dictionaries_)} regions are made")
        with tempfile.TemporaryDirectory(prefix="emonets-mouth-", dir=work) as folder:
            rows = quantise_rows(
                Path(folder) / "features.u8",
                lambda which: self.bag.transform(mouths[which]),
                len(mouths),
                sample=np.flatnonzero(learning),
            )
            log.info(f"features of {len(mouths)} pictures are made")
            self.losses_, self.scores_ = penalty_scores(
                self.classifier, self.strengths, rows.steps, rows.unit, labels, clips, folds
            )
            best = min(self.losses_, key=lambda s: (self.losses_[s], -s))  # of equals the stronger
            classifier = clone(self.classifier).set_params(l2=best)
            self.classifier = classifier.fit(
                rows.steps, labels, learning.astype(float), unit=rows.unit
            )
            del rows  # some systems delete no file that is mapped
        log.info(f"penalty {best:g}: {self.scores_[best]:.1%} of the clips for choosing are right")
        return self

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, dict[str, NDArray[Any]]]]:
        """Settings (JSON) and arrays by part, for a bundle."""
        settings, arrays = self.bag.to_arrays()
        about = {"view": {**asdict(self.view), "tube_size": TUBE_SIZE}, "bag": settings}
        return about, {"mouth_bag": arrays, "mouth_classifier": self.classifier.to_arrays()}

    @classmethod
    def from_arrays(
        cls, settings: Mapping[str, Any], parts: Mapping[str, Mapping[str, NDArray[Any]]]
    ) -> Self:
        """The inverse of :meth:`to_arrays`; raises :class:`BundleError` where it does not fit."""
        try:
            view = dict(settings["view"])
            size = view.pop("tube_size")
            made = cls(
                MouthView(**view),
                bag=BagOfPatches.from_arrays(settings["bag"], parts["mouth_bag"]),
                classifier=FrameLogistic.from_arrays(parts["mouth_classifier"]),
            )
        except BundleError:
            raise
        except (KeyError, TypeError, ValueError, DataError) as error:
            raise BundleError(f"the mouth specialist is incomplete: {error!r}") from None
        if size != TUBE_SIZE:
            raise BundleError(
                f"the mouth specialist was made for tubes of {size} pixels, not of {TUBE_SIZE}"
            )
        if made.bag.picture_shape_ != made.view.shape:
            raise BundleError(
                f"the mouth specialist's dictionaries are of pictures {made.bag.picture_shape_}, "
                f"but its view is {made.view.shape}"
            )
        if not set(made.classifier.classes_.tolist()) <= set(range(len(EMOTIONS))):
            raise BundleError("the mouth classifier's classes are not among the seven emotions")
        if made.classifier.n_features_in_ != made.bag.n_features_out_:
            raise BundleError(
                f"the mouth classifier takes {made.classifier.n_features_in_} features, its "
                f"dictionaries make {made.bag.n_features_out_}"
            )
        return made


class _MouthsOf:
    """Keeps the mouth crops themselves."""

    def __init__(self, specialist: MouthSpecialist) -> None:
        self._specialist = specialist

    def describe(self, tube: FaceTube) -> Features:
        mouths = self._specialist.inputs(tube)
        return {
            "mouths": mouths,
            "known": self._specialist.view.known(mouths),
            **about_pictures(tube),
        }

    def empty(self) -> Features:
        nothing = self._specialist.empty()
        nothing.pop("probabilities")
        return {"mouths": np.empty((0, *self._specialist.view.shape), np.uint8), **nothing}
