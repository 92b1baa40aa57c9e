"""Pictures to face tubes: detection, association, smoothing, registration, illumination."""

from __future__ import annotations

from emonets.faces.illumination import isotropic_smoothing

__all__ = ["isotropic_smoothing"]
