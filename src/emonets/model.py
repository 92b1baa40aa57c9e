"""EmoNets: a clip goes in, rows of probabilities come out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from emonets.bundle import find_bundle
from emonets.errors import EmoNetsError, ParameterError
from emonets.inference.clip import check_streams, read, unfused_rows
from emonets.inference.combine import about_uncertain, describe_model, mark_uncertain
from emonets.inference.inputs import inputs_of
from emonets.inference.look import Face
from emonets.inference.look import look as look_at
from emonets.inference.normalise import (
    Baseline,
    Groups,
    Normalising,
    normalise_parts,
    normalising,
    with_note,
)
from emonets.inference.options import Options
from emonets.inference.rows import status_of
from emonets.inference.same_people import common_people, numbers_of
from emonets.inference.unfused import Unfused
from emonets.inference.windows import Windows
from emonets.media.clip import Clip, Frame, open_clip
from emonets.media.limits import Limits
from emonets.model_parts import ModelParts
from emonets.result import Result
from emonets.tubes.detect import DetectorLike
from emonets.version import DEFAULT_BUNDLE


class EmoNets(ModelParts):
    """The system: specialists (face, audio, activity, mouth) and a fusion of their predictions.

    Where several are used, a fusion combines their predictions of a clip (paper 4). It was fitted
    on labelled clips, or else it is their product.

    A model may be used from several threads at once: it is not changed by a prediction, and a
    prediction shares no state with another. A detector of your own must allow that too.

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

    Examples
    --------
    >>> model = emonets.load("modern")
    >>> list(model.specialists)
    ['face', 'audio', 'activity', 'mouth']
    """

    @overload
    def look(
        self, image: list[Any] | tuple[Any, ...], *, bgr: bool = False,
        detector: DetectorLike = "auto",
    ) -> list[list[Face]]: ...  # fmt: skip

    @overload
    def look(
        self, image: Any, *, bgr: bool = False, detector: DetectorLike = "auto"
    ) -> list[Face]: ...

    def look(
        self, image: Any, *, bgr: bool = False, detector: DetectorLike = "auto"
    ) -> list[Face] | list[list[Face]]:
        """The faces of a picture, each with its box and its emotion.

        Each picture is examined by itself: the same one twice has the same faces. The numbers are
        those of the faces in ``predict(file, models="face")`` of the picture's file.

        Parameters
        ----------
        image : an array (h, w, 3) RGB, or another that `emonets.media.arrays.as_picture` takes;
            the path of an image file; a Pillow image; or a list of these.
        bgr : whether arrays are BGR, as OpenCV reads pictures.
        detector : as in :meth:`predict`.

        Returns
        -------
        A list of `Face`, the surest first; empty where there is none. Of a list of pictures, a
        list of such lists.

        Raises
        ------
        MediaError : a file cannot be read as a picture.
        ParameterError : an array is no picture, or the model has no face specialist.

        Examples
        --------
        >>> load("modern").look(np.zeros((64, 64, 3), np.uint8))
        []
        """
        several = isinstance(image, list | tuple)
        found = [
            look_at(
                one, self.specialists, self.fusion, bgr=bgr, detector=detector, device=self.device,
                where=f"image[{i}]" if several else "image",
            )
            for i, one in enumerate(image if several else [image])
        ]  # fmt: skip
        return found if several else found[0]

    def predict(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
        *,
        frames: Any = None,
        fps: float | None = None,
        times: Iterable[float] | None = None,
        sound: Any = None,
        rate: float | None = None,
        bgr: bool = False,
        name: str | None = None,
        window: Windows = "auto",
        hop: float | None = None,
        stride: int = 1,
        detector: DetectorLike = "auto",
        frame_rows: bool = False,
        crops: str | os.PathLike[str] | None = None,
        models: str | Sequence[str] | None = None,
        same_people: bool = False,
        normalise: str | None = None,
        baseline: Baseline = None,
        groups: Groups = None,
        uncertain_below: float | None = None,
        abstain: bool = False,
        errors: str = "auto",
        limits: Limits | None = None,
        video_stream: int | None = None,
        audio_stream: int | None = None,
    ) -> Result:
        """Predict the emotions that the people in one or many clips show.

        Parameters
        ----------
        paths : a file, a folder, a glob, or a list of these. None: ``frames`` or ``sound`` is
            given.
        frames : pictures in place of a file: an array (n, h, w, 3), a list, or an iterator, which
            is read once (`emonets.media.memory.open_memory`). True: as ``frame_rows``.
        fps : frames a second of ``frames``. Or of folders of numbered images, by the numbers in
            their names. Each folder with one series is then a clip; None: photographs are stills.
        times : seconds of each of ``frames``, in place of ``fps``.
        sound, rate : samples (n,) or (n, channels), float -1..1, int16 or int32; samples a second.
        bgr : whether ``frames`` are BGR, as OpenCV reads pictures.
        name : of ``frames`` or ``sound`` in the result, in place of a file's.
        window, hop : seconds; None: a row covers the whole clip; ``"auto"``: that for clips up to
            10 s and windows of 5 s for longer ones. ``hop`` is the window's
            length unless given.
        stride : detect faces in every ``stride``-th frame only.
        detector : a name (``emonets.tubes.detect.load_detector``) or your own.
        frame_rows : add a row for every single face picture too.
        crops : a folder of your own face crops of a single clip, named by frame number from 1
            (``tubes.crop_folder.CropFolder``).
        models : which specialists are used, of ``face``, ``audio``, ``activity`` and ``mouth``: a
            list of names, or one text such as ``"face"`` or ``"face,audio"``; ``"all"``: all that
            the model has; None: those of :attr:`active`.
        same_people : whether a person has one number in all clips, found by the face.
        normalise : ``"person"``: each specialist's predictions are normalised by what the person's
            own windows average to (`docs/howto/normalising.md`). A row then depends on the other
            rows of the person. None or ``"none"``: not. What could not be normalised is in
            ``files``.
        baseline : in place of that, where the person is neutral: a clip, or seconds of each file,
            as ``"0-15"`` or two numbers.
        groups : whose each file is, for these two: a table with the columns file and person, or a
            mapping. Else a person is known within a file only, or by ``same_people``.
        uncertain_below : 0..1; a row whose largest probability is below it has the label
            ``uncertain``. Its probabilities stay.
        abstain : the same for the fused predictions, below the threshold of the model's fusion.
            ``about`` states the coverage and accuracy of that threshold.
        errors : ``"raise"`` or ``"report"`` (a file that fails gets a status instead of rows);
            ``"auto"`` raises for one path and for arrays, and reports for a list.
        limits : beyond which a clip is refused or no longer read; None: those of
            ``emonets.media.limits.Limits()``.
        video_stream, audio_stream : number, from 0, of the picture or sound stream; None: the
            file's default.

        Returns
        -------
        Result; its ``files`` hold the status of each file. ``about["passed_over"]`` counts the
        files of folders that were left out, by kind.

        Examples
        --------
        >>> silence = np.zeros(16000, np.float32)
        >>> load("modern").predict(sound=silence, rate=16000).files[0].status
        'no sound'
        """
        model = self.with_models(models)
        how = normalising(normalise, baseline, groups)
        options = Options(
            window=window, hop=hop, stride=stride, detector=detector,
            frames=frame_rows or frames is True, crops=crops, uncertain_below=uncertain_below,
            abstain=abstain, embeddings=same_people, fps=fps, limits=limits or Limits(),
            video_stream=video_stream, audio_stream=audio_stream, unfused=how is not None,
            stretch=None if how is None else how.stretch,
        )  # fmt: skip
        options.check(self.fusion)
        memory = {
            "frames": None if isinstance(frames, bool) else frames, "times": times,
            "sound": sound, "rate": rate, "bgr": bgr, "name": name,
        }  # fmt: skip
        found = inputs_of(paths, memory, errors=errors, fps=fps, limits=limits)
        if crops is not None and (not found.single or len(found.clips) > 1):
            raise ParameterError("crops belong to a single clip: give one path")
        strict = errors == "raise" or (errors == "auto" and found.single)

        def one(clip: Path | Clip, raise_errors: bool = strict) -> Result:
            return model.predict_clip(clip, **options.keywords(), raise_errors=raise_errors)

        parts = [one(clip) for clip in found.clips]
        about = model.describe(uncertain_below=uncertain_below, abstain=abstain) | found.about
        if how is not None:
            calm = None if how.file is None else one(how.file, True)
            parts = model.normalise(
                parts, how, calm, same_people=same_people, uncertain_below=uncertain_below,
                abstain=abstain,
            )  # fmt: skip
            about["normalised"] = how.about
        whole = Result.concatenate([Result((), found.missing), *parts])
        if same_people:
            whole = common_people(whole)
        return Result(whole.rows, whole.files, about, whole.persons)

    def predict_clip(
        self,
        path: str | os.PathLike[str] | Clip,
        *,
        models: str | Sequence[str] | None = None,
        raise_errors: bool = False,
        on_frame: Callable[[Frame], None] | None = None,
        **options: Any,
    ) -> Result:
        """One clip, by the same specialists as :meth:`predict`.

        A failure becomes a status unless ``raise_errors``.

        Parameters
        ----------
        path : of the clip, or one that is open (`emonets.media.clip.open_clip`).
        on_frame : called for every frame, for progress.
        options : those of `emonets.inference.options.Options`, by name. With ``unfused`` the rows
            are those of single specialists, for :meth:`normalise`.

        Examples
        --------
        >>> model.predict_clip("clip.mp4", models="audio").files[0].status
        'ok'
        """
        model, o = self.with_models(models), Options.of(options)
        o.check(model.fusion)
        about = model.describe(uncertain_below=o.uncertain_below, abstain=o.abstain)
        file = str(path.info.path if isinstance(path, Clip) else path)
        try:
            clip = path if isinstance(path, Clip) else open_clip(
                Path(path), frame_rate=o.fps, limits=o.limits, video_stream=o.video_stream,
                audio_stream=o.audio_stream,
            )  # fmt: skip
            check_streams(clip, model.specialists)
            reading = read(
                clip, model.specialists, file=file, stride=o.stride, detector=o.detector,
                crops=None if o.crops is None else Path(o.crops), device=model.device,
                embeddings=o.embeddings, inputs=o.inputs, on_frame=on_frame,
            )  # fmt: skip
            made, status = unfused_rows(
                reading, file=file, window=o.window, hop=o.hop, frames=o.frames,
                baseline=o.stretch,
            )  # fmt: skip
        except EmoNetsError as error:
            if raise_errors or isinstance(error, ParameterError):
                raise
            return Result((), (status_of(error, file),), about)
        if o.unfused:
            return made.to_result(status, about, reading.persons)
        rows = made.fuse(model.fusion, model._known)
        rows = mark_uncertain(rows, o.uncertain_below, o.abstain, model.fusion)
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

        Examples
        --------
        >>> from emonets.inference.normalise import normalising
        >>> how = normalising("person", None, None)
        >>> parts = [model.predict_clip("clip.mp4", models="audio", unfused=True)]
        >>> len(model.normalise(parts, how))
        1
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
        """What a result holds about the model that made it, and about its threshold.

        Examples
        --------
        >>> model.describe()["bundle"]
        'modern'
        """
        return {
            # the card is a diary of training; `about` of the model has it
            **{name: own for name, own in self.about.items() if name != "card"},
            "trained_on": self.provenance.names(),
            **describe_model(self.specialists, self.fusion, self._known),
            **about_uncertain(uncertain_below, abstain, self.fusion),
        }


def load(bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, *, device: str = "cpu") -> EmoNets:
    """Load a model: a shipped bundle by name, or a folder. See :meth:`EmoNets.load`.

    Examples
    --------
    >>> load("modern").active
    ('face', 'audio')
    """
    return EmoNets.load(bundle, device=device)


@overload
def look(
    image: list[Any] | tuple[Any, ...], *, model: EmoNets | None = None,
    bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, bgr: bool = False,
    detector: DetectorLike = "auto",
) -> list[list[Face]]: ...  # fmt: skip


@overload
def look(
    image: Any, *, model: EmoNets | None = None,
    bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, bgr: bool = False,
    detector: DetectorLike = "auto",
) -> list[Face]: ...  # fmt: skip


def look(
    image: Any,
    *,
    model: EmoNets | None = None,
    bundle: str | os.PathLike[str] = DEFAULT_BUNDLE,
    bgr: bool = False,
    detector: DetectorLike = "auto",
) -> list[Face] | list[list[Face]]:
    """The faces of a picture, each with its box and its emotion; see :meth:`EmoNets.look`.

    Parameters
    ----------
    image, bgr, detector : as in :meth:`EmoNets.look`.
    model : that is used. None: ``bundle`` is loaded, and kept for the next call.

    Returns
    -------
    A list of `Face`; of a list of pictures, a list of such lists.

    Examples
    --------
    >>> look(np.zeros((64, 64, 3), np.uint8))
    []
    """
    used = _kept(str(bundle), _stamp(bundle)) if model is None else model
    return used.look(image, bgr=bgr, detector=detector)


def predict(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    *,
    model: EmoNets | None = None,
    bundle: str | os.PathLike[str] = DEFAULT_BUNDLE,
    **options: Any,
) -> Result:
    """The emotions that the people in clips show, as the command ``emonets predict`` does.

    Parameters
    ----------
    paths : a file, a folder, a glob, or a list of these.
    model : that is used. None: ``bundle`` is loaded, and kept for the next call.
    options : of :meth:`EmoNets.predict`.

    Returns
    -------
    Result; see :meth:`EmoNets.predict`.

    Examples
    --------
    >>> predict(sound=np.zeros(16000, np.float32), rate=16000).files[0].status
    'no sound'
    """
    used = _kept(str(bundle), _stamp(bundle)) if model is None else model
    return used.predict(paths, **options)


@lru_cache(maxsize=2)
def _kept(bundle: str, stamp: int) -> EmoNets:
    return EmoNets.load(bundle)


def _stamp(bundle: str | os.PathLike[str]) -> int:
    """Changes when a bundle of one's own is written again."""
    return max((path.stat().st_mtime_ns for path in find_bundle(bundle).iterdir()), default=0)
