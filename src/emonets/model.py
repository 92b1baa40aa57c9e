"""EmoNets: a clip goes in, rows of probabilities come out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Self

import numpy as np

from emonets.bundle import Bundle, read_bundle, write_bundle
from emonets.clip import Frame, find_clips, find_clips_each, open_clip
from emonets.errors import BundleError, EmoNetsError, MediaError, ParameterError
from emonets.faces.crop_folder import CropFolder
from emonets.faces.detect import DetectorLike
from emonets.inference import check_device
from emonets.result import FileStatus, Result, Row, windows
from emonets.specialists.face import FaceSpecialist, Features

DEFAULT_BUNDLE = "paper"
LONG = 10.0
"""Seconds; a clip longer than this is cut into windows unless told otherwise."""
WINDOW = 5.0
"""Seconds of those windows."""

Windows = float | str | None


def bundle_names() -> list[str]:
    """The bundles that come with the package."""
    folder = resources.files("emonets") / "weights"
    return sorted(f.name for f in folder.iterdir() if (f / "bundle.json").is_file())


def find_bundle(name: str | os.PathLike[str]) -> Path:
    """The folder of a bundle given by name (of a shipped one) or by path."""
    if str(name) in bundle_names():
        return Path(str(resources.files("emonets") / "weights" / str(name)))
    path = Path(name)
    if not path.exists():
        raise BundleError(
            f"{path}: there is no such bundle; shipped ones: {', '.join(bundle_names())}"
        )
    return path


class EmoNets:
    """The system: specialists (today the face) and how they make one answer.

    Parameters
    ----------
    face : the face specialist.
    about : the model's card and preset, kept in its bundle.
    device : ``cpu``, ``cuda``, ``coreml`` or ``directml``, as far as onnxruntime has it here.
    """

    def __init__(
        self, face: FaceSpecialist, *, about: dict[str, Any] | None = None, device: str = "cpu"
    ) -> None:
        self.face = face
        self.about = dict(about or {})
        self.device = check_device(device)

    @classmethod
    def load(cls, bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, *, device: str = "cpu") -> Self:
        """Load a bundle, by the name of a shipped one or by path.

        Raises
        ------
        BundleError : there is none, or it is damaged or foreign.
        ParameterError : the device is not available.
        """
        content = read_bundle(find_bundle(bundle))
        return cls(_face_of(content), about=_about(content, str(bundle)), device=device)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model as a bundle; whole or not at all."""
        settings, arrays = self.face.to_arrays()
        manifest = {
            "preset": self.about.get("preset"),
            "card": self.about.get("card", {}),
            "specialists": {"face": settings},
        }
        return write_bundle(folder, manifest, arrays)

    def predict(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        window: Windows = "auto",
        hop: float | None = None,
        stride: int = 1,
        detector: DetectorLike = "auto",
        frames: bool = False,
        crops: str | os.PathLike[str] | None = None,
        errors: str = "auto",
    ) -> Result:
        """What the people in one or many clips show.

        Parameters
        ----------
        paths : a file, a folder, a glob, or a list of these.
        window, hop : seconds; None: each face gets one row for the whole clip; ``"auto"``: that
            for clips up to 10 s and windows of 5 s for longer ones. ``hop`` is the window's
            length unless given.
        stride : detect faces in every ``stride``-th frame only.
        detector : a name (``emonets.faces.detect.load_detector``) or your own.
        frames : add a row for every single face picture too.
        crops : a folder of your own face crops of a single clip, named by frame number from 1
            (``faces.crop_folder.CropFolder``).
        errors : ``"raise"`` or ``"report"`` (a file that fails gets a status instead of rows);
            ``"auto"`` raises for one path and reports for a list.

        Returns
        -------
        Result; its ``files`` say how each file fared.
        """
        single = isinstance(paths, str | os.PathLike)
        if errors not in ("auto", "raise", "report"):
            raise ParameterError(f"errors must be auto, raise or report, got {errors!r}")
        strict = errors == "raise" or (errors == "auto" and single)
        check_windows(window, hop)
        clips, missing = _find(paths, strict)
        if crops is not None and (not single or len(clips) > 1):
            raise ParameterError("crops belong to a single clip: give one path")
        parts = [Result((), missing)]
        for path in clips:
            part = self.predict_clip(
                path, window=window, hop=hop, stride=stride, detector=detector, frames=frames,
                crops=crops, raise_errors=strict,
            )  # fmt: skip
            parts.append(part)
        whole = Result.concatenate(parts)
        return Result(whole.rows, whole.files, self.describe())

    def predict_clip(
        self,
        path: str | os.PathLike[str],
        *,
        window: Windows = "auto",
        hop: float | None = None,
        stride: int = 1,
        detector: DetectorLike = "auto",
        frames: bool = False,
        crops: str | os.PathLike[str] | None = None,
        raise_errors: bool = False,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> Result:
        """One clip; a failure becomes a status unless ``raise_errors``."""
        file = str(path)
        check_windows(window, hop)
        try:
            clip = open_clip(Path(path))
            if not clip.info.has_frames:
                raise MediaError(
                    file, "has no video stream", "the face model needs pictures to look at"
                )
            features = self.face.extract(
                clip,
                detector=detector,
                stride=stride,
                crops=None if crops is None else CropFolder(Path(crops)),
                device=self.device,
                on_frame=on_frame,
            )
            warnings = list(clip.warnings)
        except EmoNetsError as error:
            if raise_errors or isinstance(error, ParameterError):
                raise
            return Result((), (status_of(error, file),), self.describe())
        rows = tuple(self._rows(file, features, window, hop, frames))
        found = bool(len(features["probabilities"]))
        if not found:
            warnings.insert(0, "no face was found in any frame: probabilities are 1/7 each")
        verdict = ("damaged" if clip.damaged else "ok") if found else "no face"
        status = FileStatus(file, verdict, "; ".join(warnings))
        return Result(rows, (status,), self.describe())

    def describe(self) -> dict[str, Any]:
        """What a result says about the model that made it."""
        return {**self.about, "model": self.face.name, "decision": self.face.decision}

    def _rows(
        self, file: str, features: Features, window: Windows, hop: float | None, frames: bool
    ) -> Iterator[Row]:
        start, end = map(float, features["span"])
        length = window
        if window == "auto":
            length = WINDOW if end - start > LONG else None
        assert length is None or isinstance(length, int | float)
        frame_rows = list(self._frame_rows(file, features)) if frames else []
        face_rows = []
        for begin, stop in windows(start, end, length, hop):
            inside = (features["time"] >= begin) & (features["time"] < stop)
            for track in np.unique(features["track"][inside]):
                part = _take(features, inside & (features["track"] == track))
                p = self.face.predict_proba(part)[0]
                first, last = part["time"][0], part["time"][-1]
                face_rows.append(
                    Row(
                        file, int(track), float(first),
                        float(min(last + features["step"], max(end, last))),
                        True, self.face.name, tuple(map(float, p)),
                    )
                )  # fmt: skip
        yield from frame_rows
        yield from face_rows
        found = bool(len(features["probabilities"]))
        p = self.face.predict_proba(features)[0]
        yield Row(file, None, start, end, found, self.face.name, tuple(map(float, p)))

    def _frame_rows(self, file: str, features: Features) -> Iterator[Row]:
        step = float(features["step"])
        for time, track, p in zip(
            features["time"], features["track"], features["probabilities"], strict=True
        ):
            yield Row(
                file, int(track), float(time), float(time) + step, True,
                f"{self.face.name}/frame", tuple(map(float, p)),
            )  # fmt: skip


def load(bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, *, device: str = "cpu") -> EmoNets:
    """Load a model: a shipped bundle by name, or a folder. See :meth:`EmoNets.load`."""
    return EmoNets.load(bundle, device=device)


def _find(paths: Any, strict: bool) -> tuple[list[Path], tuple[FileStatus, ...]]:
    """The clips meant, and what names none: each path on its own, so that none hides another."""
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not isinstance(given, Sequence) or not all(isinstance(p, str | os.PathLike) for p in given):
        raise ParameterError(f"paths must be a path or a list of paths, got {paths!r}")
    names = [p if isinstance(p, str) else Path(p) for p in given]
    if strict:
        return find_clips(names), ()
    clips, missing = find_clips_each(names)
    return clips, tuple(status_of(error) for error in missing)


def status_of(error: EmoNetsError, file: str | None = None) -> FileStatus:
    """The status of a file that failed; its name is told once."""
    if not isinstance(error, MediaError):
        return FileStatus(str(file), "error", str(error))
    text = error.reason + (f"; {error.hint}" if error.hint else "")
    if file is not None and error.path != file:  # it was another one, such as a crop
        text = f"{error.path}: {text}"
    return FileStatus(file or error.path, "error", text)


def check_windows(window: Windows, hop: float | None) -> None:
    """Raise :class:`ParameterError` unless window and hop make sense together."""
    if isinstance(window, str) and window != "auto":
        raise ParameterError(f"window must be seconds, 'auto' or None, got {window!r}")
    for name, value in (("window", window), ("hop", hop)):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number and not (value is None or (name == "window" and value == "auto")):
            raise ParameterError(f"{name} must be seconds, got {value!r}")
    if window is None and hop is not None:
        raise ParameterError("a hop needs a window")
    windows(0.0, 1.0, WINDOW if isinstance(window, str) else window, hop)


def _take(features: Features, mask: Any) -> Features:
    whole = ("span", "step")
    return {key: value if key in whole else value[mask] for key, value in features.items()}


def _face_of(bundle: Bundle) -> FaceSpecialist:
    settings = bundle.manifest["specialists"].get("face")
    if not isinstance(settings, dict):
        raise BundleError(f"{bundle.path}: holds no face specialist")
    try:
        return FaceSpecialist.from_arrays(settings, bundle.arrays)
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {error}") from None


def _about(bundle: Bundle, name: str) -> dict[str, Any]:
    from emonets import __version__

    return {
        "emonets": __version__,
        "bundle": name,
        "bundle_digest": bundle.digest,
        "preset": bundle.manifest.get("preset"),
        "card": bundle.manifest.get("card", {}),
    }
