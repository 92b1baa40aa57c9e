"""The package's version and its default bundle, where every floor may read them."""

__version__ = "0.1.0"

DEFAULT_BUNDLE = "modern"
"""The bundle, and the preset, that is used where none is named."""
