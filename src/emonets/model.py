"""EmoNets: a clip goes in, rows of probabilities come out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Self

from emonets.bundle import find_bundle, read_bundle, write_bundle
from emonets.contracts import SOUND, Specialist, in_order, specialist_kind, specialist_kinds
from emonets.errors import BundleError, EmoNetsError, MediaError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.named import NamedFusion
from emonets.inference.clip import needs_pictures, read, unfused_rows
from emonets.inference.combine import (
    JOINER,
    about_uncertain,
    about_unknown,
    check_uncertain,
    describe_alone,
    describe_combination,
    mark_uncertain,
)
from emonets.inference.normalise import (
    Baseline,
    Groups,
    Normalising,
    normalise_parts,
    normalising,
    with_note,
)
from emonets.inference.rows import status_of
from emonets.inference.same_people import common_people, numbers_of
from emonets.inference.unfused import Unfused
from emonets.inference.windows import Windows, check_windows
from emonets.learners.group_scaling import Reference
from emonets.media.clip import Clip, Frame, open_clip
from emonets.media.find import PASSED_OVER, search_clips
from emonets.media.limits import Limits
from emonets.model_bundle import (
    about_bundle,
    active_of,
    foreign_fusion,
    fusion_of,
    pack_references,
    references_of,
    specialists_of,
)
from emonets.provenance.corpus import PART as PROVENANCE
from emonets.provenance.corpus import Provenance, provenance_of
from emonets.result import FileStatus, Result
from emonets.runtime.onnx import check_device
from emonets.tubes.detect import DetectorLike
from emonets.version import DEFAULT_BUNDLE

ALL = "all"
"""In place of the names of specialists."""
FUSIONS = ("bundle", "product")
"""Names of fusions: the one the bundle has, if any; the product of what the specialists predict."""


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
    references : other people's mean and spread by specialist, kept in its bundle: what normalising
        by the person compares with. Without it the other persons of a run are compared with.
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
        references: Mapping[str, Reference] | None = None,
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
            raise ParameterError(foreign_fusion(fusion, self.specialists))
        self.fusion = fusion
        self.about = dict(about or {})
        self.device = check_device(device)
        self.provenance = (provenance or Provenance()).only(list(self.specialists))
        self.references = {
            name: own for name, own in (references or {}).items() if name in self.specialists
        }

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
        parts = specialists_of(content)
        return cls(
            **parts, fusion=fusion_of(content, parts), active=active_of(content, parts),
            about=about_bundle(content, str(bundle)), device=device,
            provenance=provenance_of(content), references=references_of(content),
        )  # fmt: skip

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model as a bundle; whole or not at all.

        Raises
        ------
        BundleError : it cannot be written there, or holds a fusion of more specialists than it has.
        """
        if self.fusion is not None and set(self.fusion.models) != set(self.specialists):
            raise BundleError(foreign_fusion(self.fusion, self.specialists))
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
        arrays.update(pack_references(self.references))
        return write_bundle(folder, manifest, arrays)

    def with_models(self, names: str | Sequence[str] | None) -> EmoNets:
        """This model with some of its specialists only.

        In a fitted fusion those that are left out count as 1/7.

        Parameters
        ----------
        names : of specialists: a list, or one text such as ``"face"`` or ``"face,audio"``;
            ``"all"``: every one; None: those of :attr:`active`.

        Raises
        ------
        ParameterError : it has none of that name, or no name is given.
        """
        if names is None:
            names = self.active
        names = specialist_names(names)
        if names == (ALL,):
            names = tuple(self.specialists)
        for name in names:
            self._must_have(name)
        if set(names) == set(self.specialists) and self.active == tuple(self.specialists):
            return self
        chosen: dict[str, Any] = {name: self.specialists[name] for name in names}
        return type(self)(
            **chosen, fusion=self.fusion, about=self.about, device=self.device,
            provenance=self.provenance, references=self.references,
        )  # fmt: skip

    def with_fusion(self, name: str) -> EmoNets:
        """This model with another fusion.

        Parameters
        ----------
        name : of :data:`FUSIONS`. ``bundle``: as it is. ``product``: the plain product of the
            predictions of those specialists that found something, with nothing fitted.

        Raises
        ------
        ParameterError : there is none of that name; the message lists them.

        Examples
        --------
        >>> load("modern").with_fusion("product").fusion is None
        True
        """
        if name not in FUSIONS:
            raise ParameterError(f"there is no fusion {name!r}; there are {', '.join(FUSIONS)}")
        if name == "bundle" or self.fusion is None:
            return self
        made = copy(self)
        made.fusion = None
        return made

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
        models: str | Sequence[str] | None = None,
        same_people: bool = False,
        normalise: str | None = None,
        baseline: Baseline = None,
        groups: Groups = None,
        uncertain_below: float | None = None,
        abstain: bool = False,
        errors: str = "auto",
        fps: float | None = None,
        limits: Limits | None = None,
        video_stream: int | None = None,
        audio_stream: int | None = None,
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
        models : which specialists are used, of ``face``, ``audio``, ``activity`` and ``mouth``: a
            list of names, or one text such as ``"face"`` or ``"face,audio"``; ``"all"``: all that
            the model has; None: those of :attr:`active`.
        same_people : whether a person has one number in all clips, found by the face.
        normalise : ``"person"``: each specialist's predictions are normalised by what the person's
            own windows average to (`docs/normalising.md`). A row then depends on the other rows of
            the person. None or ``"none"``: not. What could not be normalised is in ``files``.
        baseline : in place of that, where the person is neutral: a clip, or seconds of each file,
            as ``"0-15"`` or two numbers.
        groups : whose each file is, for these two: a table with the columns file and person, or a
            mapping. Else a person is known within a file only, or by ``same_people``.
        uncertain_below : 0..1; a row whose largest probability is below it has the label
            ``uncertain``. Its probabilities stay.
        abstain : the same for the fused predictions, below the threshold of the model's fusion.
            ``about`` states the coverage and accuracy of that threshold.
        errors : ``"raise"`` or ``"report"`` (a file that fails gets a status instead of rows);
            ``"auto"`` raises for one path and reports for a list.
        fps : frames a second of folders of numbered images, by the numbers in their names. Each
            folder with one series is then a clip; None: photographs are stills.
        limits : beyond which a clip is refused or no longer read; None: those of
            ``emonets.media.limits.Limits()``.
        video_stream, audio_stream : number, from 0, of the picture or sound stream; None: the
            file's default.

        Returns
        -------
        Result; its ``files`` hold the status of each file. ``about["passed_over"]`` counts the
        files of folders that were left out, by kind.
        """
        single = isinstance(paths, str | os.PathLike)
        if errors not in ("auto", "raise", "report"):
            raise ParameterError(f"errors must be auto, raise or report, got {errors!r}")
        strict = errors == "raise" or (errors == "auto" and single)
        model = self.with_models(models)
        check_windows(window, hop)
        check_uncertain(uncertain_below, abstain, self.fusion)
        how = normalising(normalise, baseline, groups)
        clips, missing, passed_over = _find(paths, strict, fps)
        if crops is not None and (not single or len(clips) > 1):
            raise ParameterError("crops belong to a single clip: give one path")

        def one(path: Path, raise_errors: bool = strict) -> Result:
            return model.predict_clip(
                path, window=window, hop=hop, stride=stride, detector=detector, frames=frames,
                crops=crops, uncertain_below=uncertain_below, abstain=abstain,
                raise_errors=raise_errors, embeddings=same_people, fps=fps, limits=limits,
                video_stream=video_stream, audio_stream=audio_stream, unfused=how is not None,
                stretch=None if how is None else how.stretch,
            )  # fmt: skip

        parts = [one(path) for path in clips]
        about = model.describe(uncertain_below=uncertain_below, abstain=abstain) | passed_over
        if how is not None:
            calm = None if how.file is None else one(how.file, True)
            parts = model.normalise(
                parts, how, calm, same_people=same_people, uncertain_below=uncertain_below,
                abstain=abstain,
            )  # fmt: skip
            about["normalised"] = how.about
        whole = Result.concatenate([Result((), missing), *parts])
        if same_people:
            whole = common_people(whole)
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
        models: str | Sequence[str] | None = None,
        uncertain_below: float | None = None,
        abstain: bool = False,
        embeddings: bool = False,
        raise_errors: bool = False,
        on_frame: Callable[[Frame], None] | None = None,
        fps: float | None = None,
        limits: Limits | None = None,
        video_stream: int | None = None,
        audio_stream: int | None = None,
        unfused: bool = False,
        stretch: tuple[float, float] | None = None,
    ) -> Result:
        """One clip, by the same specialists as :meth:`predict`.

        A failure becomes a status unless ``raise_errors``. With ``embeddings`` the persons of the
        result keep their embedding, which is biometric data. With ``unfused`` the rows are those
        of single specialists, for :meth:`normalise`; ``stretch``: seconds of a baseline.
        """
        model, file = self.with_models(models), str(path)
        check_windows(window, hop)
        check_uncertain(uncertain_below, abstain, model.fusion)
        about = model.describe(uncertain_below=uncertain_below, abstain=abstain)
        try:
            clip = open_clip(
                Path(path), frame_rate=fps, limits=limits or Limits(), video_stream=video_stream,
                audio_stream=audio_stream,
            )  # fmt: skip
            model.check_streams(clip)
            reading = read(
                clip, model.specialists, file=file, stride=stride, detector=detector,
                crops=None if crops is None else Path(crops), device=model.device,
                embeddings=embeddings, on_frame=on_frame,
            )  # fmt: skip
            made, status = unfused_rows(
                reading, file=file, window=window, hop=hop, frames=frames, baseline=stretch
            )
        except EmoNetsError as error:
            if raise_errors or isinstance(error, ParameterError):
                raise
            return Result((), (status_of(error, file),), about)
        if unfused:
            return made.to_result(status, about, reading.persons)
        rows = made.fuse(model.fusion, model._known)
        rows = mark_uncertain(rows, uncertain_below, abstain, model.fusion)
        return Result(tuple(rows), (status,), about, reading.persons)

    def normalise(
        self,
        parts: Sequence[Result],
        how: Normalising,
        baseline: Result | None = None,
        *,
        same_people: bool = False,
        uncertain_below: float | None = None,
        abstain: bool = False,
    ) -> list[Result]:
        """The clips of a run, normalised by the person and fused.

        Parameters
        ----------
        parts : results of :meth:`predict_clip` with ``unfused``.
        how : see `emonets.inference.normalise.normalising`.
        baseline : the result of ``how.file``, likewise.
        same_people : whether persons of several clips may be one, by their embedding.
        """
        files = [part.files[0].file for part in parts]
        every = [*parts, *([] if baseline is None else [baseline])]
        calm = None
        if baseline is not None:
            calm = baseline.files[0].file, Unfused.from_result(baseline)
        made, notes = normalise_parts(
            [Unfused.from_result(part) for part in parts], files, how, self.references,
            numbers_of(Result.concatenate(every)) if same_people else None, calm,
        )  # fmt: skip
        out = []
        for part, unfused, note in zip(parts, made, notes, strict=True):
            rows = [] if unfused is None else unfused.fuse(self.fusion, self._known)
            if rows:
                rows = mark_uncertain(rows, uncertain_below, abstain, self.fusion)
            out.append(with_note(Result(tuple(rows), part.files, {}, part.persons), note))
        return out

    def describe(
        self, *, uncertain_below: float | None = None, abstain: bool = False
    ) -> dict[str, Any]:
        """What a result holds about the model that made it, and about its threshold."""
        decisions = {name: part.decision for name, part in self.specialists.items()}
        decision = "".join(decisions.values())
        if len(decisions) > 1:
            decision = "; ".join(f"{name}: {text}" for name, text in decisions.items())
            decision += f"; {describe_combination(list(decisions), self.fusion)}"
        elif alone := describe_alone(next(iter(decisions)), self.fusion):
            decision += f"; {alone}"
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

    def check_streams(self, clip: Clip) -> None:
        """Raise `MediaError` where a clip has nothing that any of the specialists uses."""
        info = clip.info
        visual = [name for name, part in self.specialists.items() if needs_pictures(part)]
        audible = [name for name, part in self.specialists.items() if SOUND in part.needs]
        if not audible and not info.has_frames:
            raise MediaError(
                info.path, "has no video stream", f"the {visual[0]} model requires pictures"
            )
        if not visual and not info.has_sound:
            raise MediaError(info.path, "has no sound", f"the {audible[0]} model requires it")


def load(bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, *, device: str = "cpu") -> EmoNets:
    """Load a model: a shipped bundle by name, or a folder. See :meth:`EmoNets.load`."""
    return EmoNets.load(bundle, device=device)


def specialist_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names of specialists, of a list or of one text with commas.

    Raises
    ------
    ParameterError : neither of these, or no name.

    Examples
    --------
    >>> specialist_names("face, audio")
    ('face', 'audio')
    """
    given: Any = names.split(",") if isinstance(names, str) else names
    if not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        raise ParameterError(f"models must be a name or a list of names, got {names!r}")
    found = tuple(name.strip() for name in given if name.strip())
    if not found:
        raise ParameterError(f"models names no specialist, got {names!r}; give face, or all")
    return found


def _find(
    paths: Any, strict: bool, fps: float | None
) -> tuple[list[Path], tuple[FileStatus, ...], dict[str, Any]]:
    """The clips, a status for each path that names none, and what was passed over in folders.

    A wrong path hides no other unless ``strict``.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not isinstance(given, Sequence) or not all(isinstance(p, str | os.PathLike) for p in given):
        raise ParameterError(f"paths must be a path or a list of paths, got {paths!r}")
    found = search_clips([p if isinstance(p, str) else Path(p) for p in given], fps=fps)
    if strict and found.wrong:
        raise found.wrong[0]
    over = {PASSED_OVER: found.passed_over} if found.passed_over else {}
    return list(found.clips), tuple(map(status_of, found.wrong)), over
