"""Text as small pictures."""

from __future__ import annotations

import numpy as np

from emonets.report.lettering import patch, put, shortened


def test_text_is_cut_at_the_edge() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    for at in ((-5, -5), (25, 15), (100, 100), (-500, 0)):
        put(image, "Anna", at, 12, (255, 255, 255))
    assert image.shape == (20, 30, 3)
    assert image.max() > 100


def test_unknown_letters_never_fail() -> None:
    for text in ("\U0001f600", "\udcff", "\x00\n", "", "é", "ก็"):
        colour, cover = patch(text, 14, (1, 2, 3))
        assert colour.shape[:2] == cover.shape[:2]


def test_long_and_broken_names() -> None:
    assert shortened("x" * 100, 10) == "x" * 9 + "…"
    assert shortened("a\nb") == "a\N{REPLACEMENT CHARACTER}b"
    assert shortened("\udcff").isprintable()
