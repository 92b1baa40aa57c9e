"""What comes out: one columnar table, the same for one clip or ten thousand."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.errors import MissingExtraError, ParameterError
from emonets.person_seen import PersonSeen
from emonets.runtime.files import try_folder, write_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BOX", "COLUMNS", "LEVELS", "UNCERTAIN", "Box", "FileStatus", "PersonSeen", "Persons",
    "Result", "Row", "check_writable", "printable", "result_text", "write_whole",
]  # fmt: skip

BOX = ("x", "y", "w", "h")
"""Left edge, upper edge, width and height of a face, in pixels of the shown frame."""
COLUMNS: tuple[str, ...] = (
    "file", "track", "person", "start", "end", "face_found", "model", *EMOTIONS, "label",
    "sound_found", "level", "motion_found", "speech", "speaks", "normalised", *BOX, "usable",
)  # fmt: skip
Box = tuple[float, float, float, float]
"""``x, y, w, h`` of :data:`BOX`."""
LEVELS = ("frame", "face", "window", "clip")
"""What a row covers: one face picture; one face in one window; a window without a single face;
the clip."""
UNCERTAIN = "uncertain"
"""The label of a row whose largest probability is below the threshold."""


@dataclass(frozen=True)
class Row:
    """What one model predicts of one face, of one window, or of one clip.

    Attributes
    ----------
    file : the clip, as it was given.
    track : number of the face tube, stable over the whole clip; None where no single face is
        meant.
    start, end : seconds from the clip's start, from the stream's own time stamps.
    face_found : whether a face was found; None in the rows of a model that uses no faces.
    model : which model the probabilities come from: ``face``, ``audio``, ``activity``, ``mouth``,
        fused ones as ``face+audio``, and ``face/frame`` for single pictures.
    probabilities : seven numbers in the order of ``emonets.EMOTIONS`` that sum to one; all 1/7
        where nothing was found.
    sound_found : whether there was sound that is not silent; None in the rows of a model that
        uses no sound.
    level : one of :data:`LEVELS`.
    motion_found : whether motion was found that can be described; None in the rows of a model
        that uses no motion.
    uncertain : whether the largest probability is below the threshold.
    other_found : whether a specialist that rests on something else found it; None in other rows.
    person : number of the person in this clip, from 0 in order of appearance; several tracks may
        be one person. None where no single face is meant.
    speech : 0..1, share of the row's span in which somebody speaks; None where it is not known.
    speaks : whether the person speaks in the span; None where it is not known, and where no
        single face is meant.
    normalised : whether the probabilities are normalised by the person, so that they depend on
        the person's other windows and clips (`docs/howto/normalising.md`).
    box : ``x, y, w, h`` of the face in pixels of the shown frame, which it may leave; of a window
        the median of the face's boxes in it. None where no single face is meant.
    usable : 0..1, share of the frames, from the face's first picture in the row to its last, in
        which the face can be used; None where no single face is meant.
    """

    file: str
    track: int | None
    start: float
    end: float
    face_found: bool | None
    model: str
    probabilities: tuple[float, ...]
    sound_found: bool | None = None
    level: str = "clip"
    motion_found: bool | None = None
    uncertain: bool = False
    other_found: bool | None = None
    person: int | None = None
    speech: float | None = None
    speaks: bool | None = None
    normalised: bool = False
    box: Box | None = None
    usable: float | None = None

    @property
    def found(self) -> bool:
        """Whether a face, sound, motion or other evidence was found to predict from."""
        return any((self.face_found, self.sound_found, self.motion_found, self.other_found))

    @property
    def label(self) -> str | None:
        """The most probable emotion, or :data:`UNCERTAIN`; None where nothing was found."""
        if not self.found:
            return None
        return UNCERTAIN if self.uncertain else EMOTIONS[int(np.argmax(self.probabilities))]

    def to_dict(self) -> dict[str, Any]:
        """The row under the names of :data:`COLUMNS`."""
        return {
            "file": self.file,
            "track": self.track,
            "person": self.person,
            "start": self.start,
            "end": self.end,
            "face_found": self.face_found,
            "model": self.model,
            **dict(zip(EMOTIONS, self.probabilities, strict=True)),
            "label": self.label,
            "sound_found": self.sound_found,
            "level": self.level,
            "motion_found": self.motion_found,
            "speech": self.speech,
            "speaks": self.speaks,
            "normalised": self.normalised,
            **dict(zip(BOX, self.box or (None,) * 4, strict=True)),
            "usable": self.usable,
        }


@dataclass(frozen=True)
class FileStatus:
    """The status of one file, and a message.

    ``ok``; ``damaged`` (rows for what could be decoded); ``no face`` (in a clip with pictures, of
    a model that uses faces); ``no sound`` (a sound file is silent, or only audio models are used
    and there is no sound); ``no speech`` (the same, where there is sound, but nobody speaks);
    ``no motion`` (only models of motion are used and there is none);
    ``error`` (no rows).
    """

    file: str
    status: str
    message: str = ""


class Persons(tuple[PersonSeen, ...]):
    """The persons of a result; called, they are a data frame."""

    rows: tuple[Row, ...]
    files: tuple[FileStatus, ...]

    def __new__(
        cls,
        persons: Iterable[PersonSeen] = (),
        rows: tuple[Row, ...] = (),
        files: tuple[FileStatus, ...] = (),
    ) -> Self:
        """Of the persons, rows and files of a result."""
        made = super().__new__(cls, persons)
        made.rows, made.files = rows, files
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """What a copy is made of, in another process too."""
        return tuple(self), self.rows, self.files

    def __call__(self) -> pd.DataFrame:
        """A row a person and clip: `emonets.result_tables.PERSON_COLUMNS`.

        ``usable``, 0..1, the share of the clip's frames in which the face can be used; ``seen``,
        ``first`` and ``last`` in seconds, to 0.2 s; the median box in pixels; the mean of the
        probabilities by time, its label and ``certainty``; the share of the time with each label;
        ``speaks``, the share of the time in which the person speaks.
        """
        from emonets.result_tables import persons_table

        return persons_table(Result(self.rows, self.files, {}, tuple(self)))


@dataclass(frozen=True)
class Result:
    """Rows of one or many clips, and the status of each file.

    Attributes
    ----------
    rows : of each clip, in this order: its single face pictures (if requested); its faces by
        window and track; its sound and motion by window; the fused rows by window and track; and
        the whole clip, a row a model. Fused rows are there where several models were used; the
        clip's fused row is its last.
    files : one status a file, in the order given.
    about : the model that was used: bundle, digest, version, how clips are decided.
    persons : of each clip, in order of appearance. ``result.persons()`` is a data frame.

    Examples
    --------
    >>> result = emonets.predict("clip.mp4", window=1.0, stride=5)
    >>> result.rows[-1].model
    'face+audio'
    """

    rows: tuple[Row, ...] = ()
    files: tuple[FileStatus, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    persons: tuple[PersonSeen, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "persons", Persons(self.persons, self.rows, self.files))

    @classmethod
    def concatenate(cls, results: Iterable[Result]) -> Result:
        """One result of several, in their order; ``about`` is the first one's.

        Examples
        --------
        >>> len(Result.concatenate([result, result]).files)
        2
        """
        parts = list(results)
        return cls(
            tuple(row for part in parts for row in part.rows),
            tuple(status for part in parts for status in part.files),
            parts[0].about if parts else {},
            tuple(person for part in parts for person in part.persons),
        )

    @property
    def failed(self) -> bool:
        """Whether any file gave no predictions, or predictions from a part of it only.

        Examples
        --------
        >>> result.failed
        False
        """
        return any(status.status != "ok" for status in self.files)

    def clip_rows(self, model: str | None = None) -> tuple[Row, ...]:
        """One row a clip: of all models fused, or of the one named.

        Examples
        --------
        >>> [row.model for row in result.clip_rows()]
        ['face+audio']
        >>> [row.model for row in result.clip_rows("audio")]
        ['audio']
        """
        rows = [row for row in self.rows if row.level == "clip" and model in (None, row.model)]
        return tuple({row.file: row for row in rows}.values())

    def __repr__(self) -> str:
        """Files by status, persons, and rows by model."""
        return result_text(self)

    def _repr_html_(self) -> str:
        """Notebooks show a ribbon of labels for each person; see `emonets.result_html`."""
        from emonets.result_html import result_html

        return result_html(self)

    def clips(self) -> pd.DataFrame:
        """A row a file: `emonets.result_tables.CLIP_COLUMNS`.

        Status and message; ``start`` and ``end`` in seconds; the number of persons; the seven
        probabilities of the whole clip by all models fused, 0..1; ``label`` and ``certainty``,
        the largest probability. Empty cells for a file without rows.

        Examples
        --------
        >>> result.clips()["persons"].tolist()
        [1]
        """
        from emonets.result_tables import clips_table

        return clips_table(self)

    def windows(self) -> pd.DataFrame:
        """A row a face and window: `emonets.result_tables.WINDOW_COLUMNS`.

        By all models fused. A window without a face, and a clip without faces, has a row without
        a person. ``x, y, w, h`` are the median box of the face, in pixels of the shown frame.

        Examples
        --------
        >>> result.windows()["person"].tolist()
        [0, 0]
        """
        from emonets.result_tables import windows_table

        return windows_table(self)

    def frames(self) -> pd.DataFrame:
        """A row a face picture: `emonets.result_tables.WINDOW_COLUMNS`.

        Empty unless ``predict`` was called with ``frames=True``.

        Examples
        --------
        >>> len(result.frames())
        0
        """
        from emonets.result_tables import frames_table

        return frames_table(self)

    def to_pandas(self) -> pd.DataFrame:
        """A data frame with :data:`COLUMNS`; ``track`` and ``person`` are nullable integers.

        Examples
        --------
        >>> result.to_pandas()["model"].iloc[-1]
        'face+audio'
        """
        import pandas as pd

        # pandas keeps texts in Arrow, which holds UTF-8 only
        rows = [{**row.to_dict(), "file": printable(row.file)} for row in self.rows]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        types = {
            "file": "string", "track": "Int64", "person": "Int64", "start": "float64",
            "end": "float64", "face_found": "boolean", "model": "string",
            **dict.fromkeys(EMOTIONS, "float64"),
            "label": "string", "sound_found": "boolean", "level": "string",
            "motion_found": "boolean", "speech": "float64", "speaks": "boolean",
            "normalised": "bool", **dict.fromkeys((*BOX, "usable"), "float64"),
        }  # fmt: skip
        return frame.astype(types)

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """Comma separated, one header line, times to the millisecond; returned and written.

        Examples
        --------
        >>> result.to_csv().splitlines()[0][:23]
        'file,track,person,start'
        """
        frame = self.to_pandas()
        text: str = frame.round(
            {
                "start": 3,
                "end": 3,
                "speech": 3,
                "usable": 4,
                **dict.fromkeys(EMOTIONS, 6),
                **dict.fromkeys(BOX, 1),
            }
        ).to_csv(index=False, lineterminator="\n")
        if path is not None:
            write_whole(path, printable(text).encode())
        return text

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """One object: ``schema``, ``schema_version``, ``about``, ``emotions``, ``models``,
        ``files``, ``warnings``, ``rows``, ``persons``; `docs/result.schema.json` describes it.

        Examples
        --------
        >>> Result.from_json(result.to_json()).rows == result.rows
        True
        """
        from emonets.result_json import text_of

        text = text_of(self)
        if path is not None:
            write_whole(path, printable(text).encode())
        return text

    @classmethod
    def from_json(cls, text: str) -> Result:
        """The inverse of :meth:`to_json`; text of version 1 is read too.

        Raises
        ------
        ParameterError : not JSON of this schema and of one of its versions.

        Examples
        --------
        >>> Result.from_json(result.to_json()).files[0].status
        'ok'
        """
        from emonets.result_json import result_of

        return result_of(text)

    def to_parquet(self, path: str | os.PathLike[str] | None = None) -> bytes:
        """Apache Parquet; needs the extra ``[parquet]``.

        Examples
        --------
        >>> result.to_parquet()[:4]
        b'PAR1'
        """
        buffer = io.BytesIO()
        try:
            self.to_pandas().to_parquet(buffer, index=False, engine="pyarrow")
        except ImportError:
            raise MissingExtraError("writing Parquet", "parquet") from None
        if path is not None:
            write_whole(path, buffer.getvalue())
        return buffer.getvalue()


def result_text(result: Result) -> str:
    """One line about a result.

    Examples
    --------
    >>> Result(files=(FileStatus("a.mp4", "ok"),))
    Result: 1 file (1 ok), 0 persons, 0 rows
    """
    counts = Counter(own.status for own in result.files)
    models = Counter(row.model for row in result.rows)

    def number(n: int, what: str) -> str:
        return f"{n} {what}{'' if n == 1 else 's'}"

    text = f"Result: {number(len(result.files), 'file')}"
    text += f" ({', '.join(f'{n} {name}' for name, n in counts.items())})" if counts else ""
    text += f", {number(len(result.persons), 'person')}, {number(len(result.rows), 'row')}"
    return text + (f" ({', '.join(f'{n} {name}' for name, n in models.items())})" if models else "")


def printable(text: str) -> str:
    """The same, but a byte of a file's name that is no UTF-8 as ``\\udcXX``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise before the work is done if its result could not be written there.

    Raises
    ------
    ParameterError : a folder of that name is there, or its own folder cannot be made or written.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise ParameterError(f"{target}: is a folder; give the name of a file")
        try_folder(target.parent)
    except OSError as error:
        raise ParameterError(
            f"{target}: cannot be written ({error.strerror or error}); choose another place"
        ) from None
