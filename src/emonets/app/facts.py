"""What the pages state of the server's bundle: its specialists, and what they were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from emonets.bundle import find_bundle, read_bundle
from emonets.provenance.corpus import Provenance, provenance_of


@dataclass(frozen=True, eq=False)
class Facts:
    """Of a bundle.

    Attributes
    ----------
    models : names of its specialists. active : those that predict unless others are named.
    provenance : what they were trained on.
    """

    models: tuple[str, ...]
    active: tuple[str, ...]
    provenance: Provenance


@lru_cache(maxsize=2)
def facts_of(bundle: str) -> Facts:
    """Read once: it takes a second.

    Raises
    ------
    BundleError : there is no such bundle, or it is damaged.
    """
    content = read_bundle(find_bundle(bundle))
    models = tuple(content.manifest.get("specialists", {}))
    return Facts(models, tuple(content.manifest.get("active", models)), provenance_of(content))
