"""The entry of the specialist. It names the rest by text, so that nothing heavy is imported."""

from emonets.contracts import SpecialistKind

KIND = SpecialistKind(
    "brightness",
    load="emonets_example.brightness:from_arrays",
    trainer="emonets_example.brightness:make_trainer",
    scorer="emonets_example.brightness:make_scorer",
    settings="emonets_example.brightness:BrightnessSettings",
    order=50,
)
