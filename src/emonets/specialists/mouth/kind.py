"""The mouth specialist's entry in the registry."""

from emonets.contracts import SpecialistKind

KIND = SpecialistKind(
    name="mouth",
    order=40,
    load="emonets.specialists.mouth.specialist:MouthSpecialist.from_arrays",
    trainer="emonets.specialists.mouth.trainer:make_trainer",
    scorer="emonets.specialists.mouth.trainer:make_scorer",
    settings="emonets.specialists.mouth.settings:MouthSettings",
)
