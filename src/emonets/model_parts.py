"""What a model consists of: specialists and a fusion; loaded, saved, and some of them chosen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Self

from emonets.bundle import find_bundle, read_bundle, write_bundle
from emonets.contracts import Specialist, in_order, specialist_kind, specialist_kinds
from emonets.errors import BundleError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.named import NamedFusion
from emonets.inference.options import specialist_names
from emonets.learners.group_scaling import Reference
from emonets.model_bundle import (
    about_bundle,
    active_of,
    foreign_fusion,
    fusion_of,
    manifest_of,
    references_of,
    specialists_of,
)
from emonets.provenance.corpus import Provenance, provenance_of
from emonets.runtime.onnx import check_device
from emonets.version import DEFAULT_BUNDLE

ALL = "all"
"""In place of the names of specialists."""
FUSIONS = ("bundle", "product")
"""Names of fusions: the one the bundle has, if any; the product of what the specialists predict."""


class ModelParts:
    """The parts of `emonets.model.EmoNets`, which has the parameters."""

    def __init__(
        self,
        face: Specialist | None = None,
        *,
        fusion: NamedFusion | Fusion | None = None,
        active: Sequence[str] | None = None,
        about: dict[str, Any] | None = None,
        device: str = "cpu",
        provenance: Provenance | None = None,
        references: Mapping[str, Reference] | None = None,
        **specialists: Specialist | None,
    ) -> None:
        given = {name: s for name, s in {"face": face, **specialists}.items() if s is not None}
        for name in given:
            specialist_kind(name)
        if not given:
            raise ParameterError(
                f"a model needs a specialist: give one of {', '.join(specialist_kinds())}"
            )
        self.specialists: dict[str, Specialist] = {name: given[name] for name in in_order([*given])}
        """Those the model has, by name, in the order of results."""
        self.active = tuple(self.specialists)
        """Those that are used where none are named."""
        if active is not None:
            for name in active:
                self._must_have(name)
            self.active = tuple(name for name in self.specialists if name in active)
        if not self.active:
            raise ParameterError("active is empty: give one of " + ", ".join(self.specialists))
        if fusion is not None and not isinstance(fusion, NamedFusion):
            fusion = NamedFusion(fusion, tuple(self.specialists))
        if fusion is not None and not set(self.specialists) <= set(fusion.models):
            raise ParameterError(foreign_fusion(fusion, self.specialists))
        self.fusion = fusion
        self.about = dict(about or {})
        self.device = check_device(device)
        self.provenance = (provenance or Provenance()).only(list(self.specialists))
        self.references = {
            name: own for name, own in (references or {}).items() if name in self.specialists
        }

    def __repr__(self) -> str:
        fusion = "product" if self.fusion is None else self.fusion.strategy
        parts = [f"bundle={self.about.get('bundle')!r}", f"specialists={list(self.specialists)}"]
        if self.active != tuple(self.specialists):
            parts.append(f"active={list(self.active)}")
        return f"EmoNets({', '.join(parts)}, fusion={fusion!r}, device={self.device!r})"

    def __getattr__(self, name: str) -> Any:
        """``model.face`` and the like: the specialist of that name, or None."""
        if name.startswith("_") or name not in specialist_kinds():
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.__dict__.get("specialists", {}).get(name)

    @classmethod
    def load(cls, bundle: str | os.PathLike[str] = DEFAULT_BUNDLE, *, device: str = "cpu") -> Self:
        """Load a bundle, by the name of a shipped one or by path.

        Raises
        ------
        BundleError : there is none, or it is damaged or foreign.
        ParameterError : the device is not available.

        Examples
        --------
        >>> emonets.EmoNets.load("open").about["bundle"]
        'open'
        """
        content = read_bundle(find_bundle(bundle))
        parts = specialists_of(content)
        return cls(
            **parts, fusion=fusion_of(content, parts), active=active_of(content, parts),
            about=about_bundle(content, str(bundle)), device=device,
            provenance=provenance_of(content), references=references_of(content),
        )  # fmt: skip

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model as a bundle; whole or not at all.

        Raises
        ------
        BundleError : it cannot be written there, or holds a fusion of more specialists than it has.

        Examples
        --------
        >>> model.with_models("audio").with_fusion("product").save("voice").name
        'voice'
        """
        if self.fusion is not None and set(self.fusion.models) != set(self.specialists):
            raise BundleError(foreign_fusion(self.fusion, self.specialists))
        manifest, arrays = manifest_of(
            self.specialists, self.active, self.fusion, self.about, self.provenance,
            self.references,
        )  # fmt: skip
        return write_bundle(folder, manifest, arrays)

    def with_models(self, names: str | Sequence[str] | None) -> Self:
        """This model with some of its specialists only.

        In a fitted fusion those that are left out count as 1/7.

        Parameters
        ----------
        names : of specialists: a list, or one text such as ``"face"`` or ``"face,audio"``;
            ``"all"``: every one; None: those of :attr:`active`.

        Raises
        ------
        ParameterError : it has none of that name, or no name is given.

        Examples
        --------
        >>> list(model.with_models("face").specialists)
        ['face']
        """
        if names is None:
            names = self.active
        names = specialist_names(names)
        if names == (ALL,):
            names = tuple(self.specialists)
        for name in names:
            self._must_have(name)
        if set(names) == set(self.specialists) and self.active == tuple(self.specialists):
            return self
        chosen: dict[str, Any] = {name: self.specialists[name] for name in names}
        return type(self)(
            **chosen, fusion=self.fusion, about=self.about, device=self.device,
            provenance=self.provenance, references=self.references,
        )  # fmt: skip

    def with_fusion(self, name: str) -> Self:
        """This model with another fusion.

        Parameters
        ----------
        name : of :data:`FUSIONS`. ``bundle``: as it is. ``product``: the plain product of the
            predictions of those specialists that found something, with nothing fitted.

        Raises
        ------
        ParameterError : there is none of that name; the message lists them.

        Examples
        --------
        >>> emonets.load("modern").with_fusion("product").fusion is None
        True
        """
        if name not in FUSIONS:
            raise ParameterError(f"there is no fusion {name!r}; there are {', '.join(FUSIONS)}")
        if name == "bundle" or self.fusion is None:
            return self
        made = copy(self)
        made.fusion = None
        return made

    def _must_have(self, name: str) -> None:
        if name not in self.specialists:
            raise ParameterError(
                f"this model has no specialist {name!r}; it has {', '.join(self.specialists)}"
            )

    @property
    def _known(self) -> dict[str, tuple[int, ...]]:
        """The classes that each specialist was trained on."""
        return {name: part.known_classes for name, part in self.specialists.items()}
