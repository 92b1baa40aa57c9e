"""A BORIS project: an observation a clip, the labels as state events, the persons as subjects.

BORIS opens it, or imports its observations into another project (*Observations › Import
observations*; https://www.boris.unito.it/user_guide/). Project format 7.0: an event is time,
subject, behaviour, modifier, comment and frame. A state event of a subject is there twice, where
it starts and where it stops. The file is ASCII: BORIS reads it in the encoding of the computer.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emonets.emotions import COLOURS
from emonets.export.base import Writer
from emonets.export.names import beside, names_of
from emonets.export.tiers import LABELS, ClipTiers, tiers_of
from emonets.result import Result

_KEYS = dict(zip(LABELS, "adfhsuny", strict=True))  # y: not sure
_COLOURS = {label: COLOURS.get(label, "#BBBBBB") for label in LABELS}  # grey: uncertain
_PLAYERS = [str(number) for number in range(1, 9)]


def files(result: Result, folder: Path) -> dict[str, bytes]:
    """The project, whose media files are named as they lie from the folder."""
    clips = [clip for clip in tiers_of(result) if clip.end > 0]
    names = names_of(clip.file for clip in clips)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    subjects = list(dict.fromkeys(tier.name for clip in clips for tier in clip.every))
    project = {
        "time_format": "hh:mm:ss",
        "project_date": now,
        "project_name": "EmoNets",
        "project_description": f"Labels by EmoNets {result.about.get('emonets', '')}, bundle "
        f"{result.about.get('bundle', '')}. A subject is a person of one clip.",
        "project_format_version": "7.0",
        "subjects_conf": {
            str(i): {"key": str(i) if i < 10 else "", "name": name, "description": _about(name)}
            for i, name in enumerate(subjects)
        },
        "behaviors_conf": {str(i): _behaviour(label) for i, label in enumerate(LABELS)},
        "observations": {names[clip.file]: _observation(clip, folder, now) for clip in clips},
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    text = json.dumps(project, indent=1, ensure_ascii=True, allow_nan=False)
    return {"results.boris": text.encode("ascii") + b"\n"}


def _behaviour(label: str) -> dict[str, Any]:
    return {
        "type": "State event",
        "key": _KEYS[label],
        "code": label,
        "description": "",
        "color": _COLOURS[label],
        "category": "",
        "modifiers": {},
        "excluded": "",
        "coding map": "",
    }


def _about(name: str) -> str:
    if name == "Clip":
        return "the prediction for the whole clip"
    return "a face that is followed" if name.startswith(("Person", "Track")) else "no single face"


def _observation(clip: ClipTiers, folder: Path, now: str) -> dict[str, Any]:
    media = beside(clip.file, folder)
    events = [
        [time / 1000, tier.name, s.label, "", f"probability {s.probability:.2f}", "NA"]
        for tier in clip.every
        for s in tier.stretches
        for time in (s.start, s.end)
    ]
    # as BORIS sorts them; stretches of one label that touch are joined, so pairs stay pairs
    events.sort(key=lambda event: event[:3])
    return {
        "file": {player: [media] if player == "1" else [] for player in _PLAYERS},
        "type": "MEDIA",
        "date": now,
        "description": "",
        "time offset": 0.0,
        "events": events,
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "media_creation_date_as_offset": False,
        "media_scan_sampling_duration": 0,
        "image_display_duration": 1,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {media: clip.end / 1000},
            "fps": {media: 0},  # a result does not have it; BORIS writes 0 where it is not known
            "hasVideo": {media: clip.pictures},
            "hasAudio": {media: clip.sound},
            "offset": {"1": 0.0},
        },
    }


def encode(result: Result) -> bytes:
    """The project, for a file in the present folder."""
    (content,) = files(result, Path()).values()
    return content


WRITER = Writer(
    "boris", "a project for BORIS with all clips", encode, files=files, ending="boris", timed=True
)
