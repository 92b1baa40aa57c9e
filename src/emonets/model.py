"""EmoNets: a clip goes in, rows of probabilities come out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from emonets.bundle import Bundle, find_bundle, read_bundle, write_bundle
from emonets.contracts import (
    FRAMES,
    SOUND,
    TUBES,
    Specialist,
    in_order,
    specialist_kind,
    specialist_kinds,
)
from emonets.errors import BundleError, EmoNetsError, MediaError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.named import NamedFusion
from emonets.inference.combine import (
    JOINER,
    about_uncertain,
    about_unknown,
    check_uncertain,
    combine_clip,
    combine_windows,
    describe_combination,
    mark_uncertain,
)
from emonets.inference.rows import clip_status, rows_of, status_of
from emonets.inference.windows import Windows, check_windows, spans_of, whole_span
from emonets.media.clip import Clip, Frame, find_clips, find_clips_each, open_clip
from emonets.one_pass import read_clip
from emonets.provenance.corpus import PART as PROVENANCE
from emonets.provenance.corpus import Provenance, provenance_of
from emonets.result import FileStatus, Result
from emonets.runtime.onnx import check_device
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike

DEFAULT_BUNDLE = "modern"
ALL = "all"
"""In place of the names of specialists."""


class EmoNets:
    """The system: specialists (face, audio, activity, mouth) and a fusion of their predictions.

    Where several are used, a fusion combines their predictions of a clip (paper 4). It was fitted
    on labelled clips, or else it is their product.

    Parameters
    ----------
    face : the face specialist, or None.
    specialists : the others by name: ``audio``, ``activity``, ``mouth``, and what else is
        registered (`emonets.contracts`); at least one in all.
    fusion : fitted on predictions of these specialists for clips that they were not trained on: a
        ``fusion.named.NamedFusion``, or a fusion of all of them in the order of
        :attr:`specialists`. A specialist that finds nothing counts as 1/7. None: the product of
        those that found something. Predictions are neutral for a class that a specialist was not
        trained on and another was. Fit on such (``fusion.common.neutral_where_unknown``).
    active : specialists that are used where none are named; None: all.
    about : the model's card and preset, kept in its bundle.
    device : ``cpu``, ``cuda``, ``coreml`` or ``directml``, as far as onnxruntime has it here.
    provenance : what the specialists were trained on, kept in its bundle.
    """

    def __init__(
        self,
        face: Specialist | None = None,
        *,
        fusion: NamedFusion | Fusion | None = None,
        active: Sequence[str] | None = None,
        about: dict[str, Any] | None = None,
        device: str = "cpu",
        provenance: Provenance | None = None,
        **specialists: Specialist | None,
    ) -> None:
        given = {name: s for name, s in {"face": face, **specialists}.items() if s is not None}
        for name in given:
            specialist_kind(name)
        if not given:
            raise ParameterError(
                f"a model needs a specialist: give one of {', '.join(specialist_kinds())}"
            )
        self.specialists: dict[str, Specialist] = {name: given[name] for name in in_order([*given])}
        """Those the model has, by name, in the order of results."""
        self.active = tuple(self.specialists)
        """Those that are used where none are named."""
        if active is not None:
            for name in active:
                self._must_have(name)
            self.active = tuple(name for name in self.specialists if name in active)
        if not self.active:
            raise ParameterError("active is empty: give one of " + ", ".join(self.specialists))
        if fusion is not None and not isinstance(fusion, NamedFusion):
            fusion = NamedFusion(fusion, tuple(self.specialists))
        if fusion is not None and not set(self.specialists) <= set(fusion.models):
            raise ParameterError(_foreign(fusion, self.specialists))
        self.fusion = fusion
        self.about = dict(about or {})
        self.device = check_device(device)
        self.provenance = (provenance or Provenance()).only(list(self.specialists))

    def __getattr__(self, name: str) -> Any:
        """``model.face`` and the like: the specialist of that name, or None."""
        if name.startswith("_") or name not in specialist_kinds():
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.__dict__.get("specialists", {}).get(name)

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
            **parts, fusion=_fusion_of(content, parts), active=_active_of(content, parts),
            about=_about(content, str(bundle)), device=device, provenance=provenance_of(content),
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
        if self.active != tuple(self.specialists):
            manifest["active"] = list(self.active)
        if self.fusion is not None:
            manifest["fusion"], arrays["fusion"] = self.fusion.to_arrays()
        if self.provenance.corpora:
            manifest[PROVENANCE], arrays[PROVENANCE] = self.provenance.to_bundle()
        return write_bundle(folder, manifest, arrays)

    def with_models(self, names: Sequence[str] | None) -> EmoNets:
        """This model with some of its specialists only.

        In a fitted fusion those that are left out count as 1/7.

        Parameters
        ----------
        names : of specialists; ``("all",)``: every one; None: those of :attr:`active`.

        Raises
        ------
        ParameterError : it has none of that name.
        """
        if names is None:
            names = self.active
        elif list(names) == [ALL]:
            names = tuple(self.specialists)
        for name in names:
            self._must_have(name)
        if tuple(names) == tuple(self.specialists) == self.active:
            return self
        chosen: dict[str, Any] = {name: self.specialists[name] for name in names}
        return type(self)(
            **chosen, fusion=self.fusion, about=self.about, device=self.device,
            provenance=self.provenance,
        )  # fmt: skip

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
        """Predict the emotions that the people in one or many clips show.

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
        models : which specialists are used, of ``face``, ``audio``, ``activity`` and ``mouth``;
            None: those of :attr:`active`; ``["all"]``: all that the model has.
        uncertain_below : 0..1; a row whose largest probability is below it has the label
            ``uncertain``. Its probabilities stay.
        abstain : the same for the fused predictions, below the threshold of the model's fusion.
            ``about`` states the coverage and accuracy of that threshold.
        errors : ``"raise"`` or ``"report"`` (a file that fails gets a status instead of rows);
            ``"auto"`` raises for one path and reports for a list.

        Returns
        -------
        Result; its ``files`` hold the status of each file.
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
        model = self.with_models(models)
        for path in clips:
            part = model.predict_clip(
                path, window=window, hop=hop, stride=stride, detector=detector, frames=frames,
                crops=crops, uncertain_below=uncertain_below, abstain=abstain, raise_errors=strict,
            )  # fmt: skip
            parts.append(part)
        whole = Result.concatenate(parts)
        about = model.describe(uncertain_below=uncertain_below, abstain=abstain)
        return Result(whole.rows, whole.files, about, whole.persons)

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
        try:
            clip = open_clip(Path(path))
            self._check_streams(clip)
            used = {
                name: part for name, part in self.specialists.items()
                if clip.info.has_frames or not _needs_pictures(part)
            }  # fmt: skip
            found = read_clip(
                clip,
                {name: part.open(device=self.device) for name, part in used.items()},
                detector=detector,
                stride=stride,
                crops=None if crops is None else CropFolder(Path(crops)),
                on_frame=on_frame,
            )
            sound = next((found.features[n] for n, s in used.items() if SOUND in s.needs), None)
            whole = whole_span(
                found.pictures.span if any(map(_needs_pictures, used.values())) else None,
                None if sound is None else (float(sound["span"][0]), float(sound["span"][1])),
                loud=sound is not None and bool(sound["found"]),
            )
            spans = spans_of(*whole, window, hop)
            made = rows_of(file, used, found.features, spans, whole, frames=frames)
        except EmoNetsError as error:
            if raise_errors or isinstance(error, ParameterError):
                raise
            return Result((), (status_of(error, file),), about)
        rows, clip_rows = made.rows, made.whole
        several = len(clip_rows) > 1
        if several and len(spans) > 1:
            rows += combine_windows(
                made.by_span, list(used), self.fusion, self._known,
                faces=any(part.per_face for part in used.values()),
            )  # fmt: skip
        rows += clip_rows
        if several:
            rows.append(combine_clip(clip_rows, self.fusion, self._known))
        rows = mark_uncertain(rows, uncertain_below, abstain, self.fusion)
        return Result(tuple(rows), (clip_status(file, clip, clip_rows, made.reasons),), about)

    def describe(
        self, *, uncertain_below: float | None = None, abstain: bool = False
    ) -> dict[str, Any]:
        """What a result holds about the model that made it, and about its threshold."""
        decisions = {name: part.decision for name, part in self.specialists.items()}
        decision = "".join(decisions.values())
        if len(decisions) > 1:
            decision = "; ".join(f"{name}: {text}" for name, text in decisions.items())
            decision += f"; {describe_combination(list(decisions), self.fusion)}"
        if lacking := about_unknown(self._known):
            decision += f"; {lacking}"
        return {
            **self.about,
            "trained_on": self.provenance.names(),
            "model": JOINER.join(decisions),
            "decision": decision,
            **about_uncertain(uncertain_below, abstain, self.fusion),
        }

    @property
    def _known(self) -> dict[str, tuple[int, ...]]:
        """The classes that each specialist was trained on."""
        return {name: part.known_classes for name, part in self.specialists.items()}

    def _check_streams(self, clip: Clip) -> None:
        info = clip.info
        visual = [name for name, part in self.specialists.items() if _needs_pictures(part)]
        audible = [name for name, part in self.specialists.items() if SOUND in part.needs]
        if not audible and not info.has_frames:
            raise MediaError(
                info.path, "has no video stream", f"the {visual[0]} model requires pictures"
            )
        if not visual and not info.has_sound:
            raise MediaError(info.path, "has no sound", f"the {audible[0]} model requires it")


def _needs_pictures(specialist: Specialist) -> bool:
    return not specialist.needs.isdisjoint((TUBES, FRAMES))


def load(bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, *, device: str = "cpu") -> EmoNets:
    """Load a model: a shipped bundle by name, or a folder. See :meth:`EmoNets.load`."""
    return EmoNets.load(bundle, device=device)


def _find(paths: Any, strict: bool) -> tuple[list[Path], tuple[FileStatus, ...]]:
    """The clips, and a status for each path that names none. A wrong path hides no other."""
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not isinstance(given, Sequence) or not all(isinstance(p, str | os.PathLike) for p in given):
        raise ParameterError(f"paths must be a path or a list of paths, got {paths!r}")
    names = [p if isinstance(p, str) else Path(p) for p in given]
    if strict:
        return find_clips(names), ()
    clips, missing = find_clips_each(names)
    return clips, tuple(status_of(error) for error in missing)


def _specialists_of(bundle: Bundle) -> dict[str, Any]:
    settings = bundle.manifest["specialists"]
    found = {name: own for name, own in settings.items() if isinstance(own, dict)}
    if not found:
        raise BundleError(f"{bundle.path}: holds no specialist")
    unknown = [name for name in found if name not in specialist_kinds()]
    if unknown:
        raise BundleError(
            f"{bundle.path}: holds a specialist {unknown[0]!r} that is not registered; import the "
            "package that registers it first (emonets.contracts.register)"
        )
    try:
        return {
            name: specialist_kind(name).call("load", own, bundle.arrays)
            for name, own in found.items()
        }
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
        "one on all of these (emonets compare-fusion), or use none"
    )


def _active_of(bundle: Bundle, specialists: Mapping[str, Any]) -> list[str] | None:
    # bundles written before the key had its present name
    key = "active" if "active" in bundle.manifest else "speaks"
    names = bundle.manifest.get(key)
    if names is None:
        return None
    known = isinstance(names, list) and names and all(name in specialists for name in names)
    if not known:
        raise BundleError(
            f"{bundle.path}: {key} must name some of its specialists, "
            f"{', '.join(specialists)}, got {names!r}"
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
