"""The audio specialist's entry in the registry."""

from emonets.contracts import SpecialistKind

KIND = SpecialistKind(
    name="audio",
    order=20,
    load="emonets.specialists.audio.specialist:AudioSpecialist.from_arrays",
    trainer="emonets.specialists.audio.trainer:make_trainer",
    scorer="emonets.specialists.audio.trainer:make_scorer",
    settings="emonets.specialists.audio.settings:AUDIO_MODELS",
)
