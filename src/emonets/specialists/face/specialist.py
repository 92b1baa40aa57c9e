"""The face specialist: face tubes → ConvNet → clip descriptor → SVM (paper 3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.svm import SVC

from emonets.bundle import graph_part, stored_graph
from emonets.contracts import TUBES, Features, Predictions, Spans
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.folds import choosing_folds
from emonets.learners.grid_search import EXPONENTS, TwoStageGridSearch
from emonets.learners.logistic.scaled import ScaledLogistic
from emonets.learners.svm.coupled import CoupledSVC
from emonets.media.clip import Clip, Frame
from emonets.one_pass import TubeReader, about_pictures, no_pictures, read_clip
from emonets.specialists.descriptor import describe_tubes, merge_frames
from emonets.specialists.face.illumination import isotropic_smoothing, reflectance_to_pixels
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.per_face import predict_faces
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.registration import FER_SIZE, TUBE_TO_FER, face_transforms, register
from emonets.tubes.tube import FaceTube

_WINDOW = 11  # frames over which per-face transforms are averaged, as boxes are (3.1.3)


@dataclass(frozen=True)
class FacePreprocessing:
    """How a face becomes the picture that the network was trained on.

    Attributes
    ----------
    registration : ``source`` (one transform for all, paper 3.1.1) or ``face`` (by each face's
        own landmarks).
    transform : (2, 3) of ``source``: pixels of a 96 × 96 tube → pixels of FER2013's 48 × 48.
    size : side of the pictures, pixels. They show what FER2013's of 48 pixels show, at
        ``size / 48`` times their resolution.
    zoom : how many times larger a face is than in FER2013's frame, about its middle.
    up : by how much it is higher, in 48ths of the side.
    illumination : ``isotropic`` or ``none``.
    smoothness : of the isotropic smoothing.
    border : ``noise`` or ``edge``, what lies outside the tube.
    """

    registration: str = "source"
    transform: tuple[tuple[float, ...], ...] = tuple(map(tuple, TUBE_TO_FER.tolist()))
    illumination: str = "none"
    smoothness: float = 7.0
    border: Literal["noise", "edge"] = "noise"
    size: int = FER_SIZE
    zoom: float = 1.0
    up: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ParameterError(f"size must be at least 1 pixel, got {self.size}")
        if not (0 < self.zoom < math.inf and math.isfinite(self.up)):
            raise ParameterError(
                f"zoom must be above 0 and up a number, got {self.zoom} and {self.up}"
            )
        for name, choices in (
            ("registration", ("source", "face")),
            ("illumination", ("none", "isotropic")),
            ("border", ("noise", "edge")),
        ):
            if getattr(self, name) not in choices:
                raise ParameterError(
                    f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
                )

    def register(
        self,
        crops: ArrayLike,
        transforms: ArrayLike,
        *,
        seed: int = 0,
        indices: ArrayLike | None = None,
    ) -> NDArray[np.uint8]:
        """Crops of a tube as pictures (n, size, size); ``transforms`` as ``transform``.

        ``seed`` and ``indices`` are of the noise (`emonets.tubes.registration.register`).
        """
        scaled = self._framed(np.asarray(transforms, np.float64)) * (self.size / FER_SIZE)
        return register(
            crops, scaled, size=self.size, border=self.border, seed=seed, indices=indices
        )

    def _framed(self, transforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transforms (..., 2, 3) onto FER2013's frame, as ones onto the frame of the network."""
        made = transforms * self.zoom
        made[..., :, 2] += FER_SIZE / 2 * (1 - self.zoom)
        made[..., 1, 2] -= self.up
        return made

    def normalise(self, grey: ArrayLike) -> NDArray[np.uint8]:
        """The network's pictures of still faces in FER2013's frame.

        They are brought to ``size``, ``zoom`` and ``up``, and their illumination is normalised.

        Parameters
        ----------
        grey : (n, side, side), 0..255.

        Returns
        -------
        (n, size, size) uint8
        """
        if self.zoom == 1 and self.up == 0:
            images = resized(grey, self.size)
        else:
            images = self._still(np.asarray(grey))
        return self.lit(images)

    def lit(self, images: NDArray[Any]) -> NDArray[np.uint8]:
        """The network's pictures of pictures in its own frame, (n, size, size): in even light."""
        if self.illumination == "none":
            return images.astype(np.uint8)
        out = np.empty(images.shape, np.uint8)
        for i in range(0, len(images), 1024):  # float64 work: bound its memory
            reflectance = isotropic_smoothing(images[i : i + 1024], self.smoothness)
            out[i : i + 1024] = reflectance_to_pixels(reflectance)
        return out

    def _still(self, images: NDArray[Any]) -> NDArray[Any]:
        """Still faces (n, side, side) in FER2013's frame, in that of the network."""
        side = images.shape[1]
        least = round(self.zoom * self.size)
        if side > least:  # else pixels would be skipped
            images, side = resized(images, least), least
        whole = np.array([[FER_SIZE / side, 0.0, 0.0], [0.0, FER_SIZE / side, 0.0]])
        m = self._framed(whole) * (self.size / FER_SIZE)
        m[:, 2] += m[:, :2] @ np.array([0.5, 0.5]) - 0.5  # OpenCV counts from pixel centres
        out = np.empty((len(images), self.size, self.size), images.dtype)
        for k, image in enumerate(images):
            out[k] = cv2.warpAffine(
                np.ascontiguousarray(image), m, (self.size, self.size), flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
        return out


def resized(grey: ArrayLike, size: int) -> NDArray[Any]:
    """Grey pictures (n, side, side) at another size, (n, size, size).

    They are enlarged bilinearly, and averaged over areas where they get smaller.
    """
    images = np.asarray(grey)
    if images.ndim != 3 or images.shape[1:] == (size, size):
        return images
    how = cv2.INTER_AREA if images.shape[1] > size else cv2.INTER_LINEAR
    out = np.empty((len(images), size, size), images.dtype)
    for k, image in enumerate(images):
        out[k] = cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=how)
    return out


class FaceSpecialist:
    """Seven probabilities for a clip by the faces in it.

    Parameters
    ----------
    network : the fitted ConvNet.
    preprocessing : how its pictures are made.
    svm : a fitted classifier of clip descriptors (``segments`` of the frame probabilities);
        without one a clip's prediction is the mean over its face pictures.
    slots : segments of a descriptor (paper: 10).
    head : in place of the SVM, a fitted classifier of the penultimate-layer embedding, its
        mean and deviation over the clip's face pictures.
    keep : whether `describe` keeps the embedding, which a head is trained on.
    """

    name = "face"
    needs = frozenset({TUBES})
    finds = "face"
    per_face = True

    def __init__(
        self,
        network: ConvNetClassifier,
        preprocessing: FacePreprocessing | None = None,
        *,
        svm: CoupledSVC | None = None,
        slots: int = 10,
        head: ScaledLogistic | None = None,
        keep: bool = False,
    ) -> None:
        if svm is not None and head is not None:
            raise ParameterError("give an SVM or a head, not both")
        self.head = head
        self.keep = keep or head is not None
        self.network = network
        self.preprocessing = FacePreprocessing() if preprocessing is None else preprocessing
        self.svm = svm
        self.slots = slots
        self._landmarker: FaceLandmarker | None = None

    def __getstate__(self) -> dict[str, Any]:
        # an open network cannot be sent to another process; it is opened anew there
        return {**self.__dict__, "_landmarker": None}

    @property
    def known_classes(self) -> tuple[int, ...]:
        """The emotions, 0..6, that it can predict for a clip: those it was trained on."""
        machine = self.head or self.svm or self.network
        return tuple(int(c) for c in machine.classes_)

    @property
    def decision(self) -> str:
        """In words, how a clip's frames become one prediction."""
        if self.head is not None:
            return "logistic regression on the embedding, mean and deviation over frames"
        if self.svm is None:
            return (
                "mean of the frame probabilities (no labelled clips have trained the SVM of "
                "this model)"
            )
        return f"SVM on {self.slots} segments of frame probabilities"

    def inputs(self, tube: FaceTube) -> NDArray[np.uint8]:
        """The network's pictures of a tube: (n, size, size) uint8."""
        transform: NDArray[np.float64] = np.asarray(self.preprocessing.transform)
        if self.preprocessing.registration == "face":
            if self._landmarker is None:
                self._landmarker = FaceLandmarker(threads=1)
            transform = face_transforms(self._landmarker.points(tube.crops), window=_WINDOW)
        grey = self.preprocessing.register(
            tube.crops, transform, seed=tube.track, indices=tube.index
        )
        return self.preprocessing.lit(grey)

    def extract(
        self,
        clip: Clip,
        *,
        detector: DetectorLike = "auto",
        stride: int = 1,
        crops: CropFolder | None = None,
        device: str = "cpu",
        on_frame: Callable[[Frame], None] | None = None,
    ) -> Features:
        """Look at every face of a clip.

        Returns
        -------
        dict of arrays, one entry a face picture, in order of time and then track:
        ``probabilities`` (n, 7), ``track`` (n,), ``index`` (n,) frame numbers, ``time`` (n,) in
        seconds, ``boxes`` (n, 4) pixels, ``detected`` (n,) bool (False: interpolated or found
        by colour), ``score`` (n,); and, once a clip, ``span`` (2,), start and end of the
        pictures in seconds, and ``step`` (), the mean time between frames.

        Raises
        ------
        MediaError : the clip has no pictures or cannot be decoded.
        """
        reader = self.open(device=device)
        return read_clip(
            clip, {self.name: reader}, detector=detector, stride=stride, crops=crops,
            on_frame=on_frame,
        ).features[self.name]  # fmt: skip

    def open(self, *, device: str = "cpu") -> TubeReader:
        """A reader of one clip's face tubes; its features are those of :meth:`extract`."""
        self.network.use(device=device, threads=1)
        return TubeReader(self)

    def describe(self, tube: FaceTube) -> Features:
        """Every picture of a tube: the arrays of :meth:`extract`, in the order of the tube.

        Where the specialist keeps it, ``pooled`` (n, width) float16 too: the
        penultimate-layer embedding.
        """
        seen: Features = {}
        if self.keep:
            p, pooled = self.network.predict_with_embedding(self.inputs(tube))
            seen = {"probabilities": p, "pooled": pooled.astype(np.float16)}
        else:
            seen = {"probabilities": self.network.predict_proba(self.inputs(tube))}
        return {**seen, **about_pictures(tube)}

    def empty(self) -> Features:
        """What :meth:`describe` returns, without an entry."""
        kept: Features = {}
        if self.keep:
            size = self.preprocessing.size
            blank = np.zeros((1, size, size), np.uint8)
            kept = {"pooled": self.network.predict_with_embedding(blank)[1][:0].astype(np.float16)}
        return {**kept, "probabilities": np.empty((0, len(EMOTIONS))), **no_pictures()}

    def predict(self, features: Features, spans: Spans) -> Predictions:
        """Of every face in every span, and of the clip; see `emonets.contracts.Specialist`."""
        return predict_faces(features, spans, self.predict_proba)

    def predict_frames(self, features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Time stamps (t,) in seconds and the mean probabilities (t, 7) of the faces then."""
        if not len(features["index"]):
            return features["time"], features["probabilities"]
        index, merged = merge_frames(features["index"], features["probabilities"])
        return features["time"][np.searchsorted(features["index"], index)], merged

    def predict_proba(self, features: Features | Sequence[Features]) -> NDArray[np.float64]:
        """(n, 7) for the features of one clip or of several; no face: 1/7 each."""
        clips = [features] if isinstance(features, Mapping) else list(features)
        out = np.full((len(clips), len(EMOTIONS)), UNIFORM)
        seen = [i for i, clip in enumerate(clips) if len(clip["probabilities"])]
        if self.head is not None and seen:
            p = self.head.predict_proba(np.stack([self.summary(clips[i]) for i in seen]))
            full = np.zeros((len(seen), len(EMOTIONS)))
            full[:, np.asarray(self.head.classes_, np.int64)] = p
            out[seen] = full
        elif self.svm is None:
            for i in seen:
                out[i] = clips[i]["probabilities"].mean(axis=0)
        elif seen:
            columns = np.asarray(self.svm.classes_, np.int64)
            p = self.svm.predict_proba(np.stack([self.descriptor(clips[i]) for i in seen]))
            full = np.zeros((len(seen), len(EMOTIONS)))
            full[:, columns] = p
            out[seen] = full
        return out

    def descriptor(self, features: Features) -> NDArray[np.float64]:
        """(slots × 7,) of a clip that has a face (paper 3.1.4, Figures 4 and 5)."""
        tubes = [(features["index"], features["probabilities"])]
        descriptor = describe_tubes(tubes, slots=self.slots)
        if descriptor is None:
            raise DataError("a clip without a face has no descriptor")
        return descriptor

    def summary(self, features: Features) -> NDArray[np.float64]:
        """(2 width,) input of a head: mean and deviation of the embedding over the pictures.

        Raises
        ------
        DataError : the clip has no face, or its embedding was not kept.
        """
        if "pooled" not in features or not len(features["pooled"]):
            raise DataError("no embedding was kept of this clip's faces")
        pooled = features["pooled"].astype(np.float64)
        return np.concatenate([pooled.mean(axis=0), pooled.std(axis=0)])

    def fit_head(
        self, features: Sequence[Features], y: ArrayLike, groups: ArrayLike | None = None
    ) -> Self:
        """Train a head on labelled clips, in place of the SVM; those without a face are left out.

        Parameters are those of :meth:`fit`; ``features`` of a specialist that keeps.
        """
        X, labels, chosen = _learned_from(features, y, groups, self.summary)
        self.head = ScaledLogistic().fit(X, labels, groups=chosen)
        self.svm, self.keep = None, True
        return self

    def fit(
        self,
        features: Sequence[Features],
        y: ArrayLike,
        groups: ArrayLike | None = None,
        *,
        coarse: Mapping[str, Sequence[float]] | None = None,
        exponents: Sequence[float] = EXPONENTS,
        folds: int = 5,
    ) -> Self:
        """Train the SVM on labelled clips; those without a face are left out.

        Parameters
        ----------
        features : of each clip, from :meth:`extract`.
        y : (n,) canonical classes.
        groups : (n,) whose folds must not share members (such as persons).
        coarse, exponents : of the two-stage grid, see ``TwoStageGridSearch``.
        folds : of the search, at most.
        """
        X, labels, chosen = _learned_from(features, y, groups, self.descriptor)
        cv = choosing_folds(labels, chosen, folds)
        # by votes: coupled probabilities would take six times as long
        search = TwoStageGridSearch(SVC(), coarse=coarse, exponents=exponents, cv=cv)
        search.fit(X, labels, groups=chosen)
        machine = CoupledSVC(**search.best_params_, random_state=0)
        self.svm = machine.fit(X, labels, groups=chosen)
        self.head = None
        return self

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, dict[str, NDArray[Any]]]]:
        """Settings (JSON) and arrays by part, for a bundle."""
        settings, arrays = self.network.to_arrays()
        parts = {"face": arrays, "face_network": graph_part(self.network.graph())}
        about: dict[str, Any] = {
            "network": settings,
            "preprocessing": {
                name: value
                for name, value in asdict(self.preprocessing).items()
                if (name, value) not in (("size", FER_SIZE), ("zoom", 1.0), ("up", 0.0))
            },
            "slots": self.slots,
            "svm": None,
        }
        if self.svm is not None:
            about["svm"], parts["face_svm"] = "coupled", self.svm.to_arrays()
        if self.head is not None:
            parts["face_head"] = self.head.to_arrays()
        return about, parts

    @classmethod
    def from_arrays(
        cls, settings: Mapping[str, Any], parts: Mapping[str, Mapping[str, NDArray[Any]]]
    ) -> Self:
        """The inverse of :meth:`to_arrays`; raises :class:`BundleError` where it does not fit."""
        try:
            fields = dict(settings["preprocessing"])
            fields["transform"] = tuple(tuple(map(float, row)) for row in fields["transform"])
            fields["size"] = int(fields.get("size", FER_SIZE))  # older bundles have no other
            fields["zoom"] = float(fields.get("zoom", 1.0))
            fields["up"] = float(fields.get("up", 0.0))
            preprocessing = FacePreprocessing(**fields)
            network = ConvNetClassifier.from_arrays(
                settings["network"], parts["face"], graph=stored_graph(parts, "face_network")
            )
            svm = None
            if settings["svm"] is not None:
                svm = CoupledSVC.from_arrays(parts["face_svm"])
            head = ScaledLogistic.from_arrays(parts["face_head"]) if "face_head" in parts else None
            slots = int(settings["slots"])
        except BundleError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the face specialist's settings are incomplete: {error!r}") from None
        if list(network.classes_) != list(range(len(EMOTIONS))):
            raise BundleError("the face network's classes are not the seven emotions")
        size = preprocessing.size
        if network.mean_image_.shape != (size, size):
            raise BundleError(
                f"the face network was made for pictures of {network.mean_image_.shape[0]} pixels; "
                f"faces are given to it at {size} x {size}"
            )
        if head is not None and not set(head.classes_.tolist()) <= set(range(len(EMOTIONS))):
            raise BundleError("the classes of the face head are not among the seven emotions")
        return cls(network, preprocessing, svm=svm, slots=slots, head=head)


def _learned_from(
    features: Sequence[Features],
    y: ArrayLike,
    groups: ArrayLike | None,
    describe: Callable[[Features], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any] | None]:
    """(n, d) of the clips that show a face, their labels and groups."""
    labels = np.asarray(y)
    use = [i for i, clip in enumerate(features) if len(clip["probabilities"])]
    if len(labels) != len(features) or not use:
        raise DataError(f"{len(features)} clips, {len(labels)} labels, {len(use)} with a face")
    X = np.stack([describe(features[i]) for i in use])
    return X, labels[use], None if groups is None else np.asarray(groups)[use]
