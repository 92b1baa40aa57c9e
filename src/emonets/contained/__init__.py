"""Reading clips in a process of their own, so that a film that ends the decoder costs that film.

On Linux this process can open no file, no connection and no other process:
`docs/howto/containment.md`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emonets.contained.parent import Contained
    from emonets.contained.parts import Allowance, Cancelled, Progress, Reading

__all__ = ["Allowance", "Cancelled", "Contained", "Progress", "Reading"]


def __getattr__(name: str) -> Any:
    # the process itself imports this package, too, and needs none of these
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "parent" if name == "Contained" else "parts"
    return getattr(import_module(f"emonets.contained.{module}"), name)
