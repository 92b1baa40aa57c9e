"""Reading clips in a process of their own, so that a film that ends the decoder costs that film.

On Linux this process can open no file, no connection and no other process: `docs/containment.md`.
"""

from __future__ import annotations

from emonets.contained.parent import Contained
from emonets.contained.parts import Allowance, Cancelled, Progress, Reading

__all__ = ["Allowance", "Cancelled", "Contained", "Progress", "Reading"]
