"""The activity specialist's entry in the registry."""

from emonets.contracts import SpecialistKind

KIND = SpecialistKind(
    name="activity",
    order=30,
    load="emonets.specialists.activity.specialist:ActivitySpecialist.from_arrays",
    trainer="emonets.specialists.activity.trainer:make_trainer",
    scorer="emonets.specialists.activity.trainer:make_scorer",
    settings="emonets.specialists.activity.settings:ActivitySettings",
)
