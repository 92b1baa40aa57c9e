"""What is taken out of labelled clips for the mouth: the crops themselves."""

from __future__ import annotations

from functools import partial

from emonets.contracts import Extractor
from emonets.learners.patches.bag import BagOfPatches
from emonets.one_pass import TubeReader
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.specialists.mouth.stills import mouths_of_pictures


def mouths_extractor(view: MouthView) -> Extractor:
    """Mouth crops as a view cuts them; of still faces, too, where the view is grey."""
    settings = {"region": view.region, "colour": view.colour}
    return Extractor(
        "mouths", settings, open=partial(_open, view), stills=partial(mouths_of_pictures, view)
    )


def _open(view: MouthView) -> TubeReader:
    return TubeReader(MouthSpecialist(view, bag=BagOfPatches()).keeper())
