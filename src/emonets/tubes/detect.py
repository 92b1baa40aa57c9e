"""Face detection: the default, a portable last resort, a second pass, and the user's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import BundleError, DataError, ParameterError
from emonets.tubes.boxes import Detections, Detector, Framing, check_image, non_maximum
from emonets.tubes.centerface import CENTERFACE_FRAMING, CenterFace, CenterFaceNetwork
from emonets.tubes.landmarks import MAX_ASYMMETRY, FaceLandmarker, asymmetry
from emonets.tubes.neighbourhood import cut_crop, neighbourhood
from emonets.tubes.registration import TUBE_SIZE, shape_residuals

__all__ = [
    "DETECTORS",
    "CenterFace",
    "Detections",
    "Detector",
    "Framing",
    "FunctionDetector",
    "Haar",
    "SensitiveDetector",
    "load_detector",
]

HAAR_FRAMING = Framing(side=1.365, dx=-0.008, dy=-0.030)
"""Measured by ``tools/calibrate_detectors.py`` on the 60 of 82 clips in which it finds one face."""


class Haar:
    """The Viola-Jones cascade that ships with OpenCV 4: needs no network, misses more.

    Parameters
    ----------
    long_side : larger pictures are first reduced to this.
    neighbours : hits that must agree on a face; fewer find more faces, and more false ones.
    least : the smallest face, as a part of the shorter side.
    framing : from raw boxes to tube squares.

    Raises
    ------
    ParameterError : a value out of its range.
    BundleError : this OpenCV has no cascades.
    """

    name = "haar"

    def __init__(
        self,
        *,
        long_side: int = 320,
        neighbours: int = 5,
        least: float = 0.12,
        framing: Framing = HAAR_FRAMING,
    ) -> None:
        if long_side < 32 or neighbours < 1 or not 0.0 < least <= 1.0:
            raise ParameterError(
                "expected long_side of at least 32, neighbours of at least 1 and least in 0..1, "
                f"got {long_side}, {neighbours} and {least}"
            )
        self.long_side = long_side
        self.neighbours = neighbours
        self.least = least
        self.framing = framing
        folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
        path = Path(folder) / "haarcascade_frontalface_default.xml"
        if not (hasattr(cv2, "CascadeClassifier") and path.is_file()):
            raise BundleError(
                f"OpenCV {cv2.__version__} has no Haar cascades; install "
                "'opencv-python-headless>=4.10,<5'"
            )
        self._cascade = cv2.CascadeClassifier(str(path))

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """The faces of an RGB picture (height, width, 3) uint8, surest first; no points.

        Raises
        ------
        DataError : another type or shape.
        """
        check_image(image)
        grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
        scale = min(1.0, self.long_side / max(grey.shape))
        if scale < 1.0:
            size = tuple(max(1, round(side * scale)) for side in (grey.shape[1], grey.shape[0]))
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        grey = cv2.equalizeHist(grey)
        # the cascade was trained on faces of 24 pixels
        least = max(24, round(self.least * min(grey.shape)))
        found, _, weights = self._cascade.detectMultiScale3(
            grey,
            scaleFactor=1.1,
            minNeighbors=self.neighbours,
            minSize=(least, least),
            outputRejectLevels=True,
        )
        corner = np.asarray(found, np.float64).reshape(-1, 4)
        back = np.array([image.shape[1] / grey.shape[1], image.shape[0] / grey.shape[0]])
        boxes = np.concatenate([corner[:, :2], corner[:, :2] + corner[:, 2:]], axis=1)
        boxes = (boxes * np.tile(back, 2)).astype(np.float32)
        scores = np.asarray(weights, np.float32).reshape(-1)
        keep = non_maximum(boxes, scores, 0.3)
        return Detections(self.framing.apply(boxes[keep]), scores[keep])


class FunctionDetector:
    """Your own detector: any function from a picture to boxes.

    Parameters
    ----------
    function : takes an RGB picture (height, width, 3) uint8, returns boxes (n, 4) as x1, y1, x2,
        y2 in its pixels, or (n, 5) with a score behind, or ``Detections`` (then left as it is).
    framing : how its boxes relate to tube squares. The default takes boxes that reach from the
        hairline to the chin, as most detectors draw them; ``Framing(1.0)`` takes tube squares.
    name : its name in reports.

    Raises
    ------
    ParameterError : ``function`` cannot be called.
    """

    def __init__(
        self,
        function: Callable[[NDArray[np.uint8]], ArrayLike | Detections],
        *,
        framing: Framing = CENTERFACE_FRAMING,
        name: str = "function",
    ) -> None:
        if not callable(function):
            raise ParameterError(
                f"a detector is a function from a picture to boxes, got {function!r}"
            )
        self.function = function
        self.framing = framing
        self.name = name

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """What the function finds in an RGB picture (height, width, 3) uint8.

        Raises
        ------
        DataError : the picture, or what the function returned, is not what it should be.
        """
        check_image(image)
        found = self.function(image)
        if isinstance(found, Detections):
            return found
        boxes = np.asarray(found, np.float64)
        if boxes.size == 0:
            boxes = boxes.reshape(0, 4)
        if boxes.ndim != 2 or boxes.shape[1] not in (4, 5) or not np.isfinite(boxes).all():
            raise DataError(
                f"the detector {self.name!r} must return finite boxes of shape (n, 4) or (n, 5), "
                f"got shape {boxes.shape}"
            )
        if not (boxes[:, 2:4] > boxes[:, :2]).all():
            raise DataError(
                f"the detector {self.name!r} returned boxes with x2 <= x1 or y2 <= y1; boxes are "
                "x1, y1, x2, y2, not x, y, width, height"
            )
        scores = boxes[:, 4] if boxes.shape[1] == 5 else np.ones(len(boxes))
        return Detections(self.framing.apply(boxes[:, :4]), scores.astype(np.float32))


class SensitiveDetector:
    """The second pass, for clips in which the first found no face at all (paper 3.1.3).

    CenterFace on the full or enlarged picture at a low threshold. Each proposal is then checked by
    the landmark network: the 51 points must have a face's shape, and must be the same in the
    mirrored picture. On anything but a face they are neither.

    Parameters
    ----------
    threshold : least score of a proposal, 0..1.
    long_side : pictures are enlarged (at most twice) or reduced to this.
    max_residual : in FER2013 pixels, see ``registration.shape_residuals``.
    max_asymmetry : see ``landmarks.asymmetry``; 94 % of FER2013's faces pass both limits.
    threads : for onnxruntime.

    Raises
    ------
    ParameterError : a value out of its range.
    BundleError : a network's file is missing or damaged.
    """

    name = "sensitive"

    def __init__(
        self,
        *,
        threshold: float = 0.1,
        long_side: int = 1280,
        max_residual: float = 4.0,
        max_asymmetry: float = MAX_ASYMMETRY,
        threads: int | None = None,
    ) -> None:
        if not 0.0 < threshold < 1.0 or long_side < 32 or max_residual <= 0 or max_asymmetry <= 0:
            raise ParameterError(
                "expected threshold between 0 and 1, long_side of at least 32 and positive limits, "
                f"got {threshold}, {long_side}, {max_residual} and {max_asymmetry}"
            )
        self.threshold = threshold
        self.long_side = long_side
        self.max_residual = max_residual
        self.max_asymmetry = max_asymmetry
        self._network = CenterFaceNetwork(threads=threads)
        self._landmarker = FaceLandmarker(threads=threads)

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """The faces of an RGB picture (height, width, 3) uint8, best first.

        Raises
        ------
        DataError : another type or shape.
        """
        check_image(image)
        scale = min(2.0, self.long_side / max(image.shape[:2]))
        boxes, scores, points = self._network(image, scale, self.threshold)
        squares = CENTERFACE_FRAMING.apply(boxes)
        good = self.are_faces(image, squares)
        return Detections(squares[good], scores[good], points[good])

    def are_faces(self, image: NDArray[np.uint8], squares: ArrayLike) -> NDArray[np.bool_]:
        """Whether tube squares (n, 4) of a picture hold faces, by their landmarks."""
        places = np.asarray(squares, np.float64).reshape(-1, 4)
        if not len(places):
            return np.zeros(0, np.bool_)
        crops = np.stack([cut_crop(neighbourhood(image, s), s, TUBE_SIZE) for s in places])
        plain, mirrored = self._landmarker.points(crops), self._landmarker.mirrored_points(crops)
        good = shape_residuals((plain + mirrored) / 2) <= self.max_residual
        good &= asymmetry(plain, mirrored, crops.shape[1]) <= self.max_asymmetry
        return np.asarray(good)


DETECTORS: dict[str, Callable[[], Detector]] = {"centerface": CenterFace, "haar": Haar}
"""The detectors of ``load_detector`` by name."""


DetectorLike = str | Detector | Callable[[NDArray[np.uint8]], ArrayLike]
"""What ``load_detector`` takes."""


def load_detector(detector: DetectorLike = "auto") -> Detector:
    """A detector by name, or the user's own.

    Parameters
    ----------
    detector : ``"auto"`` (the default: ``CenterFace``, or ``Haar`` where onnxruntime cannot be
        imported), a name in ``DETECTORS``, an object with ``detect(image) → Detections``, or a
        function from a picture to boxes (see ``FunctionDetector``).

    Raises
    ------
    ParameterError : none of these.
    BundleError : its network is missing or damaged.
    """
    if isinstance(detector, str):
        if detector == "auto":
            try:
                return CenterFace()
            except ImportError:
                return Haar()
        if detector not in DETECTORS:
            known = ", ".join(["auto", *DETECTORS])
            raise ParameterError(f"there is no face detector {detector!r}; there are: {known}")
        return DETECTORS[detector]()
    if callable(getattr(detector, "detect", None)):
        return detector  # type: ignore[return-value]
    if callable(detector):
        return FunctionDetector(detector)
    raise ParameterError(
        "a detector is a name, an object with detect(image), or a function from a picture to "
        f"boxes, got {detector!r}"
    )
