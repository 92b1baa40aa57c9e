"""KDEF: two persons in both sessions, each from one side."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, picture, stray_picture

WORDS = ("AF", "AN", "DI", "HA", "NE", "SA", "SU")


def kdef(root: Path) -> Path:
    for person in ("F01", "M35"):
        for session in "AB":
            for word in WORDS:
                name, side = f"{session}{person}", "S" if session == "A" else "HL"
                picture(root / name / f"{name}{word}{side}.JPG")
    return root


TREES = {
    "kdef": Tree(
        "kdef",
        kdef,
        SEVEN,
        28,
        2,
        {"BM35/BM35AFHL.JPG": ("fear", "M35", "", "still")},
        stray=stray_picture,
    ),
}
