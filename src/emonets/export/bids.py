"""BIDS events: a table of labels with their times, and a JSON file that describes its columns.

By the Brain Imaging Data Structure 1.10, "Task events"
(https://bids-specification.readthedocs.io/en/stable/modality-specific-files/task-events.html):
tab-separated, ``onset`` and ``duration`` in seconds first, ``n/a`` for what is missing, rows in
order of their onset, columns described in a sidecar of the same name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.export.base import Writer
from emonets.export.names import names_of
from emonets.export.tiers import ClipTiers, tiers_of
from emonets.result import UNCERTAIN, Result, printable
from emonets.version import __version__

COLUMNS = (
    "onset", "duration", "trial_type", "tier", "person", "model", "probability", *EMOTIONS,
)  # fmt: skip
_MEANING = {
    **{name: f"the emotion {name} is the most probable one" for name in EMOTIONS},
    UNCERTAIN: "no emotion is probable enough",
}


def files(result: Result, folder: Path) -> dict[str, bytes]:
    """``NAME_events.tsv`` and ``NAME_events.json`` for each clip that has rows."""
    clips = tiers_of(result)
    names = names_of(clip.file for clip in clips)
    entities = {file: _entities(name) for file, name in names.items()}
    if len({name.casefold() for name in entities.values()}) < len(entities):
        entities = names  # two kinds of media of one task
    made: dict[str, bytes] = {}
    for clip in clips:
        name = f"{entities[clip.file]}_events"
        made[f"{name}.tsv"] = _table(clip).encode()
        made[f"{name}.json"] = _sidecar(clip, result).encode()
    return made


def _entities(name: str) -> str:
    """Without the suffix of a name by BIDS: ``sub-01_task-talk_video`` is ``sub-01_task-talk``."""
    head, _, last = name.rpartition("_")
    return head if name.startswith("sub-") and head and "-" not in last else name


def _table(clip: ClipTiers) -> str:
    rows = sorted(
        ((s.start, i, tier, s) for i, tier in enumerate(clip.every) for s in tier.stretches),
        key=lambda row: row[:2],
    )
    lines = [COLUMNS]
    for start, _, tier, s in rows:
        person = "n/a" if tier.person is None else str(tier.person)
        lines.append(
            (
                f"{start / 1000:.3f}", f"{(s.end - start) / 1000:.3f}", s.label, _cell(tier.name),
                person, _cell(tier.model), f"{s.probability:.6f}",
                *(f"{p:.6f}" for p in s.probabilities),
            )
        )  # fmt: skip
    return "".join("\t".join(line) + "\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(printable(text).split()) or "n/a"


def _sidecar(clip: ClipTiers, result: Result) -> str:
    columns: dict[str, Any] = {
        "onset": {"Description": "Start of the stretch, from the start of the file", "Units": "s"},
        "duration": {"Description": "Length of the stretch", "Units": "s"},
        "trial_type": {
            "LongName": "Label",
            "Description": "The label of the stretch. Windows that follow each other with one "
            "label are one stretch. It is what a face shows or a voice sounds like, by a model; "
            "it is not what a person feels.",
            "Levels": _MEANING,
        },
        "tier": {
            "Description": "What the label is about: a person, the audio, a window without a "
            "face, or the whole clip"
        },
        "person": {
            "Description": "Number of the person in this file, from 0; n/a where no single "
            "person is meant"
        },
        "model": {"Description": "The specialist, or the specialists that are fused"},
        "probability": {
            "Description": "Of the label; of an uncertain stretch the largest one. "
            "The mean over the stretch."
        },
        **{
            name: {"Description": f"Probability of {name}, 0 to 1; all seven sum to 1"}
            for name in EMOTIONS
        },
        "EmoNets": {
            "Description": "How this table was made; not a column",
            "SourceFile": printable(Path(clip.file).name),
            "Version": result.about.get("emonets", __version__),
            "Bundle": printable(str(result.about.get("bundle", "n/a"))),
        },
    }
    return json.dumps(columns, indent=2, ensure_ascii=False) + "\n"


def encode(result: Result) -> bytes:
    """The table of a result of one clip, without the file that describes it."""
    clips = tiers_of(result)
    if len(clips) != 1:
        raise ParameterError(
            f"bids is a file a clip, and the result has {len(clips)}; "
            "use emonets.export.write_all, which makes a file for each"
        )
    return _table(clips[0]).encode()


WRITER = Writer(
    "bids", "events of BIDS for EEG, MEG and MRI, a table a clip", encode, files=files,
    ending="_events.tsv",
)  # fmt: skip
