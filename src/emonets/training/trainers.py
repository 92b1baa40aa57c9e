"""Which parts a preset's system has, and where the networks that are not trained come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from emonets.bundle import bundle_names
from emonets.datasets.base import Dataset
from emonets.errors import ParameterError
from emonets.model import DEFAULT_BUNDLE, EmoNets
from emonets.runtime.settings import to_table
from emonets.specialists.activity.settings import activity_from_table
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.settings import NetworkAudio, PerceptronAudio, audio_from_table
from emonets.specialists.face.settings import face_from_table
from emonets.specialists.mouth.settings import mouth_from_table
from emonets.training.audio_part import SoundHeadPart, SoundNetworkPart
from emonets.training.parts import ActivityPart, FacePart, MouthPart, Part, named

SPECIALISTS = ("face", "audio", "activity", "mouth")


def make_parts(
    preset: Mapping[str, Any],
    datasets: Sequence[Dataset],
    *,
    models: Sequence[str] | None = None,
    base: str | None = None,
) -> tuple[dict[str, Part], list[str]]:
    """The parts of the system that a preset describes.

    Parameters
    ----------
    preset : nested tables, as `emonets.training.preset.load_preset` returns.
    datasets : that are to be learned from: a network that was trained on one of them must not
        listen to it as if it had never met these people.
    models : which specialists; None: those the preset has tables for, and the data something.
    base : the bundle whose networks are taken; None: the one that the preset names, or of its name.

    Returns
    -------
    The parts by name, and what there is to say about the choice.

    Raises
    ------
    ParameterError : no such specialist; a table is missing, or wrong; a base without a network.
    """
    kinds = {kind for data in datasets for kind in data.kinds}
    notes: list[str] = []
    wanted = list(SPECIALISTS) if models is None else list(models)
    parts: list[Part] = []
    for name in wanted:
        if name not in SPECIALISTS:
            raise ParameterError(f"there is no specialist {name!r}: {', '.join(SPECIALISTS)}")
        if name not in preset:
            if models is not None:
                raise ParameterError(f"the preset has no [{name}] table")
            continue
        if name != "audio" and not kinds & {"clip", "still"}:
            if models is not None:
                raise ParameterError(f"{name} needs pictures, and the data are sounds")
            continue
        parts.append(_part(name, preset, datasets, base, notes))
    if not parts:
        raise ParameterError("the preset has a table for none of " + ", ".join(wanted))
    return named(parts), notes


def _part(
    name: str,
    preset: Mapping[str, Any],
    datasets: Sequence[Dataset],
    base: str | None,
    notes: list[str],
) -> Part:
    table = dict(preset[name])
    if name == "face":
        face = face_from_table(table)
        bundle = base or _base(face.clips.base, preset)
        model = EmoNets.load(bundle)
        if model.face is None:
            raise ParameterError(f"{bundle}: has no face network; name another with --base")
        _check_met("face", bundle, model, datasets)
        return FacePart(
            bundle, model.face, slots=face.clips.slots, head=face.clips.head, search=face.svm
        )
    if name == "audio":
        return _audio(audio_from_table(table), preset, datasets, base, notes)
    if name == "activity":
        return ActivityPart(to_table(activity_from_table(table)))
    return MouthPart(to_table(mouth_from_table(table)))


def _audio(
    settings: PerceptronAudio | NetworkAudio,
    preset: Mapping[str, Any],
    datasets: Sequence[Dataset],
    base: str | None,
    notes: list[str],
) -> Part:
    head = settings.clips.head
    if head:
        bundle = base or _base(settings.clips.base, preset)
        model = EmoNets.load(bundle)
        heard = met("audio", model, datasets)
        if model.audio is None or not isinstance(model.audio.network, SoundNetClassifier):
            raise ParameterError(f"{bundle}: has no sound network; name another with --base")
        if not heard:
            return SoundHeadPart(bundle, model.audio, head=head)
        notes.append(
            f"the sound network of {bundle} was trained on {heard}, and is therefore trained anew "
            "from nothing; --base BUNDLE names another"
        )
    return SoundNetworkPart(to_table(settings))


def _base(wanted: str, preset: Mapping[str, Any]) -> str:
    if wanted:
        return wanted
    return str(preset["name"]) if preset.get("name") in bundle_names() else DEFAULT_BUNDLE


def _check_met(name: str, bundle: str, model: EmoNets, datasets: Sequence[Dataset]) -> None:
    word = met(name, model, datasets)
    if word:
        raise ParameterError(
            f"the {name} network of {bundle} was trained on {word}, which is to be learned from: "
            "no honest score could come of it; name another with --base"
        )


def met(name: str, model: EmoNets, datasets: Sequence[Dataset]) -> str:
    """What of the data a network's card says that it was trained on; of a corpus, any set."""
    whole = model.about.get("card", {})
    card = whole.get(name, whole if name == "face" else {})  # older cards are the face's own
    trained = re.split(r"[\s+,]+", str(card.get("trained_on", "")).lower())
    for data in datasets:
        corpus = data.info.name
        if corpus in ("folders", "manifest"):
            corpus = data.name.lower()
        if any(word.startswith(corpus) for word in trained if word):
            return next(word for word in trained if word.startswith(corpus))
    return ""
