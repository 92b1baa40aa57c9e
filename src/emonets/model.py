"""EmoNets: a clip goes in, rows of probabilities come out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Self

from emonets.bundle import Bundle, read_bundle, write_bundle
from emonets.errors import BundleError, EmoNetsError, MediaError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.named import NamedFusion
from emonets.inference.combine import (
    TOGETHER,
    about_uncertain,
    about_unknown,
    check_uncertain,
    how_together,
    mark_uncertain,
    together,
    together_over_time,
)
from emonets.inference.passes import look
from emonets.inference.rows import Specialist, everything_said, status_of, verdict
from emonets.inference.windows import Windows, check_windows, spans_of, whole_span
from emonets.media.clip import Clip, Frame, find_clips, find_clips_each, open_clip
from emonets.result import FileStatus, Result
from emonets.runtime.onnx import check_device
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.specialists.audio.specialist import AudioSpecialist, survey
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike
from emonets.tubes.tube_pass import Features

DEFAULT_BUNDLE = "modern"
ALL = "all"
"""In place of the names of specialists."""


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
    """The system: specialists (face, sound, motion, mouth) and how they make one answer.

    Where several speak, a clip's answer is what a fusion makes of theirs (paper 4): one that was
    fitted on labelled clips, or else their product.

    Parameters
    ----------
    face, audio, activity, mouth : the specialists; at least one.
    fusion : fitted on answers of these specialists to clips that they had not been trained on: a
        ``fusion.named.NamedFusion``, or a fusion of all of them in the order of
        :attr:`specialists`. What finds nothing counts as 1/7. None: the product of those that
        found something. Either is given answers that say nothing of a class that a specialist
        was never shown and another was: fit on such (``fusion.common.neutral_where_unknown``).
    speaks : which specialists speak where nobody says otherwise; None: all.
    about : the model's card and preset, kept in its bundle.
    device : ``cpu``, ``cuda``, ``coreml`` or ``directml``, as far as onnxruntime has it here.
    """

    def __init__(
        self,
        face: FaceSpecialist | None = None,
        *,
        audio: AudioSpecialist | None = None,
        activity: ActivitySpecialist | None = None,
        mouth: MouthSpecialist | None = None,
        fusion: NamedFusion | Fusion | None = None,
        speaks: Sequence[str] | None = None,
        about: dict[str, Any] | None = None,
        device: str = "cpu",
    ) -> None:
        self.face = face
        self.audio = audio
        self.activity = activity
        self.mouth = mouth
        if not self.specialists:
            raise ParameterError("a model needs a specialist: give face, audio, activity or mouth")
        self.speaks = tuple(self.specialists)
        if speaks is not None:
            for name in speaks:
                self._must_have(name)
            self.speaks = tuple(name for name in self.specialists if name in speaks)
        if not self.speaks:
            raise ParameterError("speaks names nobody: give one of " + ", ".join(self.specialists))
        if fusion is not None and not isinstance(fusion, NamedFusion):
            fusion = NamedFusion(fusion, tuple(self.specialists))
        if fusion is not None and not set(self.specialists) <= set(fusion.models):
            raise ParameterError(_foreign(fusion, self.specialists))
        self.fusion = fusion
        self.about = dict(about or {})
        self.device = check_device(device)

    @property
    def specialists(self) -> dict[str, Specialist]:
        """Those the model has, by name, in the order in which they speak."""
        every: dict[str, Specialist | None] = {
            "face": self.face, "audio": self.audio, "activity": self.activity,
            "mouth": self.mouth,
        }  # fmt: skip
        return {name: part for name, part in every.items() if part is not None}

    @classmethod
    def load(cls, bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, *, device: str = "cpu") -> Self:
        """Load a bundle, by the name of a shipped one or by path.

        Raises
        ------
        BundleError : there is none, or it is damaged or foreign.
        ParameterError : the device is not available.
        """
        content = read_bundle(find_bundle(bundle))
        parts = _specialists_of(content)
        return cls(
            **parts, fusion=_fusion_of(content, parts), speaks=_speaks_of(content, parts),
            about=_about(content, str(bundle)), device=device,
        )  # fmt: skip

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model as a bundle; whole or not at all.

        Raises
        ------
        BundleError : it cannot be written there, or holds a fusion of more specialists than it has.
        """
        if self.fusion is not None and set(self.fusion.models) != set(self.specialists):
            raise BundleError(_foreign(self.fusion, self.specialists))
        settings: dict[str, Any] = {}
        arrays: dict[str, Any] = {}
        for name, specialist in self.specialists.items():
            settings[name], parts = specialist.to_arrays()
            arrays.update(parts)
        manifest = {
            "preset": self.about.get("preset"),
            "card": self.about.get("card", {}),
            "specialists": settings,
        }
        if self.speaks != tuple(self.specialists):
            manifest["speaks"] = list(self.speaks)
        if self.fusion is not None:
            manifest["fusion"], arrays["fusion"] = self.fusion.to_arrays()
        return write_bundle(folder, manifest, arrays)

    def with_models(self, names: Sequence[str] | None) -> EmoNets:
        """This model with some of its specialists only.

        In a fitted fusion those that are left out count as 1/7.

        Parameters
        ----------
        names : of specialists; ``("all",)``: every one; None: those that speak where nobody says
            otherwise (:attr:`speaks`).

        Raises
        ------
        ParameterError : it has none of that name.
        """
        if names is None:
            names = self.speaks
        elif list(names) == [ALL]:
            names = tuple(self.specialists)
        for name in names:
            self._must_have(name)
        if tuple(names) == tuple(self.specialists) == self.speaks:
            return self
        chosen: dict[str, Any] = {name: self.specialists[name] for name in names}
        return type(self)(**chosen, fusion=self.fusion, about=self.about, device=self.device)

    def _must_have(self, name: str) -> None:
        if name not in self.specialists:
            raise ParameterError(
                f"this model has no specialist {name!r}; it has {', '.join(self.specialists)}"
            )

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
        models: Sequence[str] | None = None,
        uncertain_below: float | None = None,
        abstain: bool = False,
        errors: str = "auto",
    ) -> Result:
        """What the people in one or many clips show.

        Parameters
        ----------
        paths : a file, a folder, a glob, or a list of these.
        window, hop : seconds; None: a row covers the whole clip; ``"auto"``: that for clips up to
            10 s and windows of 5 s for longer ones. ``hop`` is the window's
            length unless given.
        stride : detect faces in every ``stride``-th frame only.
        detector : a name (``emonets.tubes.detect.load_detector``) or your own.
        frames : add a row for every single face picture too.
        crops : a folder of your own face crops of a single clip, named by frame number from 1
            (``tubes.crop_folder.CropFolder``).
        models : which specialists speak, of ``face``, ``audio``, ``activity`` and ``mouth``; None:
            those that speak where nobody says otherwise; ``["all"]``: all that the model has.
        uncertain_below : 0..1; a row whose largest probability is below it has the label
            ``uncertain``. Its probabilities stay.
        abstain : the same for the answers of all together, below the threshold that the model's
            fusion brings with it, whose coverage and accuracy ``about`` states.
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
        check_uncertain(uncertain_below, abstain, self.fusion)
        clips, missing = _find(paths, strict)
        if crops is not None and (not single or len(clips) > 1):
            raise ParameterError("crops belong to a single clip: give one path")
        parts = [Result((), missing)]
        speakers = self.with_models(models)
        for path in clips:
            part = speakers.predict_clip(
                path, window=window, hop=hop, stride=stride, detector=detector, frames=frames,
                crops=crops, uncertain_below=uncertain_below, abstain=abstain, raise_errors=strict,
            )  # fmt: skip
            parts.append(part)
        whole = Result.concatenate(parts)
        about = speakers.describe(uncertain_below=uncertain_below, abstain=abstain)
        return Result(whole.rows, whole.files, about)

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
        uncertain_below: float | None = None,
        abstain: bool = False,
        raise_errors: bool = False,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> Result:
        """One clip; a failure becomes a status unless ``raise_errors``."""
        file = str(path)
        check_windows(window, hop)
        check_uncertain(uncertain_below, abstain, self.fusion)
        about = self.describe(uncertain_below=uncertain_below, abstain=abstain)
        seen: dict[str, Features] = {}
        sound = None
        try:
            clip = open_clip(Path(path))
            self._check_streams(clip)
            if self._looks and clip.info.has_frames:
                seen = look(
                    clip,
                    self.specialists,
                    detector=detector,
                    stride=stride,
                    crops=None if crops is None else CropFolder(Path(crops)),
                    device=self.device,
                    on_frame=on_frame,
                )
            if self.audio is not None:
                sound = survey(clip)
            whole = whole_span(next(iter(seen.values()), None), sound)
            spans = spans_of(*whole, window, hop)
            rows, pieces, answers = everything_said(
                file, self.specialists, seen, clip, sound, spans, whole, frames, self.device
            )
        except EmoNetsError as error:
            if raise_errors or isinstance(error, ParameterError):
                raise
            return Result((), (status_of(error, file),), about)
        several = len(answers) > 1
        if several and len(spans) > 1:
            names = [row.model for row in answers]
            rows += together_over_time(pieces, names, self.fusion, self._known)
        rows += answers
        if several:
            rows.append(together(answers, self.fusion, self._known))
        rows = mark_uncertain(rows, uncertain_below, abstain, self.fusion)
        return Result(tuple(rows), (verdict(file, clip, answers),), about)

    def describe(
        self, *, uncertain_below: float | None = None, abstain: bool = False
    ) -> dict[str, Any]:
        """What a result says about the model that made it, and about its threshold."""
        how = {name: part.decision for name, part in self.specialists.items()}
        decision = "".join(how.values())
        if len(how) > 1:
            decision = "; ".join(f"{name}: {text}" for name, text in how.items())
            decision += f"; {how_together(list(how), self.fusion)}"
        if lacking := about_unknown(self._known):
            decision += f"; {lacking}"
        return {
            **self.about,
            "model": TOGETHER.join(how),
            "decision": decision,
            **about_uncertain(uncertain_below, abstain, self.fusion),
        }

    @property
    def _known(self) -> dict[str, tuple[int, ...]]:
        """The classes that each specialist was shown."""
        return {name: part.known_classes for name, part in self.specialists.items()}

    @property
    def _looks(self) -> list[str]:
        """The specialists that look at pictures."""
        return [name for name in self.specialists if name != "audio"]

    def _check_streams(self, clip: Clip) -> None:
        info = clip.info
        if self.audio is None and not info.has_frames:
            raise MediaError(
                info.path,
                "has no video stream",
                f"the {self._looks[0]} model needs pictures to look at",
            )
        if not self._looks and not info.has_sound:
            raise MediaError(info.path, "has no sound", "the audio model needs it to listen to")


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


def _specialists_of(bundle: Bundle) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "face": FaceSpecialist, "audio": AudioSpecialist, "activity": ActivitySpecialist,
        "mouth": MouthSpecialist,
    }  # fmt: skip
    settings = bundle.manifest["specialists"]
    found = {name: settings[name] for name in kinds if isinstance(settings.get(name), dict)}
    if not found:
        raise BundleError(f"{bundle.path}: holds no specialist that is known here")
    try:
        return {name: kinds[name].from_arrays(s, bundle.arrays) for name, s in found.items()}
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {error}") from None


def _fusion_of(bundle: Bundle, specialists: dict[str, Any]) -> NamedFusion | None:
    settings = bundle.manifest.get("fusion")
    if settings is None:
        return None
    try:
        fusion = NamedFusion.from_arrays(settings, bundle.arrays.get("fusion", {}))
        if set(fusion.models) != set(specialists):
            raise BundleError(_foreign(fusion, specialists))
    except BundleError as error:
        raise BundleError(f"{bundle.path}: its fusion: {error}") from None
    return fusion


def _foreign(fusion: NamedFusion, specialists: Iterable[str]) -> str:
    return (
        f"fitted on {', '.join(fusion.models)}, and the model has {', '.join(specialists)}; fit "
        "one on all of these (emonets compare-fusion), or go without"
    )


def _speaks_of(bundle: Bundle, specialists: Mapping[str, Any]) -> list[str] | None:
    names = bundle.manifest.get("speaks")
    if names is None:
        return None
    known = isinstance(names, list) and names and all(name in specialists for name in names)
    if not known:
        raise BundleError(
            f"{bundle.path}: speaks must name some of its specialists, "
            f"{', '.join(specialists)}; it says {names!r}"
        )
    return [str(name) for name in names]


def _about(bundle: Bundle, name: str) -> dict[str, Any]:
    from emonets.version import __version__

    return {
        "emonets": __version__,
        "bundle": name,
        "bundle_digest": bundle.digest,
        "preset": bundle.manifest.get("preset"),
        "card": bundle.manifest.get("card", {}),
    }
