"""The face specialist's entry in the registry."""

from emonets.contracts import SpecialistKind

KIND = SpecialistKind(
    name="face",
    order=10,
    load="emonets.specialists.face.specialist:FaceSpecialist.from_arrays",
    trainer="emonets.specialists.face.trainer:make_trainer",
    scorer="emonets.specialists.face.trainer:make_scorer",
    settings="emonets.specialists.face.settings:FACE_MODELS",
)
