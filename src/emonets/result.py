"""What comes out: one columnar table, the same for one clip or ten thousand."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import MissingExtraError, ParameterError
from emonets.runtime.files import try_folder, write_whole

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "emonets.result"
SCHEMA_VERSION = 2
READ_VERSIONS = (1, 2)
"""Those that :meth:`Result.from_json` reads; rows of version 1 have no boxes."""
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
        the person's other windows and clips (`docs/normalising.md`).
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


@dataclass(frozen=True, eq=False)
class PersonSeen:
    """Where one person of a clip is seen.

    Attributes
    ----------
    file : the clip, as it was given.
    person : as in the rows.
    tracks : numbers of the face tubes that are this person's.
    times : (n,) seconds, a few a second.
    boxes : (n, 4) pixels of the frame: left, top, right, bottom.
    usable : 0..1, share of the clip's frames in which this face can be used.
    picture : a small picture of the face, JPEG.
    embedding : (128,) numbers that tell people apart; None unless they are kept on request.
    embedded : how many pictures the embedding is the mean of.
    """

    file: str
    person: int
    tracks: tuple[int, ...]
    times: NDArray[np.float64]
    boxes: NDArray[np.float64]
    usable: float
    picture: bytes = b""
    embedding: NDArray[np.float32] | None = None
    embedded: int = 0

    def __eq__(self, other: object) -> bool:
        """Whether both have the same values, to the digits of JSON."""
        return isinstance(other, PersonSeen) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> dict[str, Any]:
        """JSON's values; the picture as base64."""
        return {
            "file": self.file,
            "person": self.person,
            "tracks": list(self.tracks),
            "times": [round(float(t), 3) for t in self.times],
            "boxes": [[round(float(v), 1) for v in box] for box in self.boxes],
            "usable": self.usable,
            "picture": base64.b64encode(self.picture).decode("ascii"),
            "embedding": None if self.embedding is None else [float(v) for v in self.embedding],
            "embedded": self.embedded,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PersonSeen:
        """The inverse of :meth:`to_dict`."""
        embedding = content["embedding"]
        return cls(
            content["file"], content["person"], tuple(content["tracks"]),
            np.array(content["times"], np.float64),
            np.array(content["boxes"], np.float64).reshape(-1, 4), content["usable"],
            base64.b64decode(content["picture"], validate=True),
            None if embedding is None else np.array(embedding, np.float32), content["embedded"],
        )  # fmt: skip


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
    persons : of each clip, in order of appearance.
    """

    rows: tuple[Row, ...] = ()
    files: tuple[FileStatus, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    persons: tuple[PersonSeen, ...] = ()

    @classmethod
    def concatenate(cls, results: Iterable[Result]) -> Result:
        """One result of several, in their order; ``about`` is the first one's."""
        parts = list(results)
        return cls(
            tuple(row for part in parts for row in part.rows),
            tuple(status for part in parts for status in part.files),
            parts[0].about if parts else {},
            tuple(person for part in parts for person in part.persons),
        )

    @property
    def failed(self) -> bool:
        """Whether any file gave no predictions, or predictions from a part of it only."""
        return any(status.status != "ok" for status in self.files)

    def clip_rows(self, model: str | None = None) -> tuple[Row, ...]:
        """One row a clip: of all models fused, or of the one named."""
        rows = [row for row in self.rows if row.level == "clip" and model in (None, row.model)]
        return tuple({row.file: row for row in rows}.values())

    def to_pandas(self) -> pd.DataFrame:
        """A data frame with :data:`COLUMNS`; ``track`` and ``person`` are nullable integers."""
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
        """Comma separated, one header line, times to the millisecond; returned and written."""
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
        """One object: ``schema``, ``schema_version``, ``about``, ``files``, ``rows``."""
        content = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "about": self.about,
            "emotions": list(EMOTIONS),
            "files": [status.__dict__ for status in self.files],
            "rows": [_json_row(row) for row in self.rows],
            "persons": [person.to_dict() for person in self.persons],
        }
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        if path is not None:
            write_whole(path, printable(text).encode())
        return text

    @classmethod
    def from_json(cls, text: str) -> Result:
        """The inverse of :meth:`to_json`.

        Raises
        ------
        ParameterError : not JSON of this schema and version.
        """
        try:
            content = json.loads(text)
            schema, version = content["schema"], content["schema_version"]
            if schema != SCHEMA or version not in READ_VERSIONS:
                raise ParameterError(
                    f"schema {schema!r} version {version!r}, expected {SCHEMA} version "
                    f"{' or '.join(map(str, READ_VERSIONS))}"
                )
            rows = tuple(
                Row(
                    row["file"], row["track"], row["start"], row["end"], row["face_found"],
                    row["model"], tuple(row[name] for name in EMOTIONS),
                    row.get("sound_found"), row.get("level", "clip"), row.get("motion_found"),
                    row.get("label") == UNCERTAIN, row.get("other_found"), row.get("person"),
                    row.get("speech"), row.get("speaks"), row.get("normalised", False),
                    _box_of(row), row.get("usable"),
                )
                for row in content["rows"]
            )  # fmt: skip
            files = tuple(FileStatus(**status) for status in content["files"])
            persons = tuple(PersonSeen.from_dict(own) for own in content.get("persons", ()))
            return cls(rows, files, content["about"], persons)
        except ParameterError:
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise ParameterError(f"not a result in JSON: {error!r}") from None

    def to_parquet(self, path: str | os.PathLike[str] | None = None) -> bytes:
        """Apache Parquet; needs the extra ``[parquet]``."""
        buffer = io.BytesIO()
        try:
            self.to_pandas().to_parquet(buffer, index=False, engine="pyarrow")
        except ImportError:
            raise MissingExtraError("writing Parquet", "parquet") from None
        if path is not None:
            write_whole(path, buffer.getvalue())
        return buffer.getvalue()


def _json_row(row: Row) -> dict[str, Any]:
    """A row, with ``other_found`` where a specialist beyond the shipped ones needs it."""
    content = row.to_dict()
    if row.other_found is not None:
        content["other_found"] = row.other_found
    return content


def _box_of(row: Mapping[str, Any]) -> Box | None:
    """The box of a row in JSON; rows of version 1 have none."""
    x, y, w, h = (row.get(name) for name in BOX)
    if x is None or y is None or w is None or h is None:
        return None
    return float(x), float(y), float(w), float(h)


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
