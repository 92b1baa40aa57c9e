"""What is taken out of labelled clips for the face: its network's output for every face picture."""

from __future__ import annotations

from functools import lru_cache, partial

from emonets.bundle import find_bundle, read_bundle
from emonets.contracts import Extractor
from emonets.errors import ParameterError
from emonets.one_pass import TubeReader
from emonets.runtime.store import parameter_digest
from emonets.specialists.face.specialist import FaceSpecialist


def face_extractor(bundle: str, *, pooled: bool = False) -> Extractor:
    """The face network of a bundle; ``pooled`` keeps its penultimate-layer embedding, too.

    Raises
    ------
    BundleError : there is no such bundle.
    ParameterError : it has no face network.
    """
    settings, parts = _specialist(bundle).to_arrays()
    arrays = [part for _, part in sorted(parts["face"].items())]
    about = {name: settings[name] for name in ("network", "preprocessing")}
    network = parameter_digest(about, *arrays)
    return Extractor(
        "face", {"network": network} | ({"pooled": True} if pooled else {}),
        open=partial(_open, bundle, pooled),
    )  # fmt: skip


def _open(bundle: str, pooled: bool) -> TubeReader:
    face = _specialist(bundle)
    return FaceSpecialist(face.network, face.preprocessing, keep=pooled).open()


@lru_cache(maxsize=2)
def _specialist(bundle: str) -> FaceSpecialist:
    content = read_bundle(find_bundle(bundle))
    settings = content.manifest["specialists"].get("face")
    if settings is None:
        raise ParameterError(f"{bundle}: has no face network; name another base (face.clips.base)")
    return FaceSpecialist.from_arrays(settings, content.arrays)
