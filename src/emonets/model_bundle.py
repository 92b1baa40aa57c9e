"""From the content of a bundle to the parts of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emonets.bundle import Arrays, Bundle
from emonets.contracts import PLUGINS, Parts, Specialist, specialist_kind, specialist_kinds
from emonets.emotions import EMOTIONS
from emonets.errors import BundleError
from emonets.fusion.named import NamedFusion
from emonets.learners.group_scaling import Reference
from emonets.provenance.corpus import PART as PROVENANCE
from emonets.provenance.corpus import Provenance

_REFERENCE = "-persons"
"""The end of the name of a part with the scores of other people, after the specialist's."""


def specialists_of(bundle: Bundle) -> dict[str, Any]:
    """The specialists of a bundle, by name.

    Raises
    ------
    BundleError : it holds none, one that is not registered, or a damaged one.
    """
    settings = bundle.manifest["specialists"]
    found = {name: own for name, own in settings.items() if isinstance(own, dict)}
    if not found:
        raise BundleError(f"{bundle.path}: holds no specialist")
    unknown = [name for name in found if name not in specialist_kinds()]
    if unknown:
        raise BundleError(
            f"{bundle.path}: holds a specialist {unknown[0]!r} that is not registered; "
            + (PLUGINS.fault_of(unknown[0]) or "install the package that has it")
        )
    try:
        return {
            name: specialist_kind(name).call("load", own, bundle.arrays)
            for name, own in found.items()
        }
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {error}") from None


def fusion_of(bundle: Bundle, specialists: dict[str, Any]) -> NamedFusion | None:
    """The fusion of a bundle, or None.

    Raises
    ------
    BundleError : it is damaged, or of other specialists.
    """
    settings = bundle.manifest.get("fusion")
    if settings is None:
        return None
    try:
        fusion = NamedFusion.from_arrays(settings, bundle.arrays.get("fusion", {}))
        if set(fusion.models) != set(specialists):
            raise BundleError(foreign_fusion(fusion, specialists))
    except BundleError as error:
        raise BundleError(f"{bundle.path}: its fusion: {error}") from None
    return fusion


def foreign_fusion(fusion: NamedFusion, specialists: Iterable[str]) -> str:
    """The message about a fusion of other specialists."""
    return (
        f"fitted on {', '.join(fusion.models)}, and the model has {', '.join(specialists)}; fit "
        "one on all of these (emonets compare-fusion), or use none"
    )


def active_of(bundle: Bundle, specialists: Mapping[str, Any]) -> list[str] | None:
    """The specialists that are used where none are named; None: all.

    Raises
    ------
    BundleError : it names others than its own.
    """
    # bundles written before the key had its present name
    key = "active" if "active" in bundle.manifest else "speaks"
    names = bundle.manifest.get(key)
    if names is None:
        return None
    known = isinstance(names, list) and names and all(name in specialists for name in names)
    if not known:
        raise BundleError(
            f"{bundle.path}: {key} must name some of its specialists, "
            f"{', '.join(specialists)}, got {names!r}"
        )
    return [str(name) for name in names]


def about_bundle(bundle: Bundle, name: str) -> dict[str, Any]:
    """What a result states about the bundle ``name``."""
    from emonets.version import __version__

    return {
        "emonets": __version__,
        "bundle": name,
        "bundle_digest": bundle.digest,
        "preset": bundle.manifest.get("preset"),
        "card": bundle.manifest.get("card", {}),
    }


def references_of(bundle: Bundle) -> dict[str, Reference]:
    """Scores of other people by specialist; empty where a bundle holds none.

    Raises
    ------
    BundleError : they are damaged.
    """
    try:
        return {
            part.removesuffix(_REFERENCE): Reference.from_arrays(arrays, len(EMOTIONS))
            for part, arrays in bundle.arrays.items()
            if part.endswith(_REFERENCE)
        }
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {error}") from None


def pack_references(references: Mapping[str, Reference]) -> dict[str, Arrays]:
    """Arrays by part, of which `references_of` makes the same."""
    return {name + _REFERENCE: own.to_arrays() for name, own in references.items()}


def manifest_of(
    specialists: Mapping[str, Specialist],
    active: Sequence[str],
    fusion: NamedFusion | None,
    about: Mapping[str, Any],
    provenance: Provenance,
    references: Mapping[str, Reference],
) -> tuple[dict[str, Any], Parts]:
    """The manifest and the arrays of a model's bundle; the parameters are the model's."""
    settings: dict[str, Any] = {}
    arrays: Parts = {}
    for name, specialist in specialists.items():
        settings[name], parts = specialist.to_arrays()
        arrays.update(parts)
    manifest = {
        "preset": about.get("preset"),
        "card": about.get("card", {}),
        "specialists": settings,
    }
    if tuple(active) != tuple(specialists):
        manifest["active"] = list(active)
    if fusion is not None:
        manifest["fusion"], arrays["fusion"] = fusion.to_arrays()
    if provenance.corpora:
        manifest[PROVENANCE], arrays[PROVENANCE] = provenance.to_bundle()
    arrays.update(pack_references(references))
    return manifest, arrays
