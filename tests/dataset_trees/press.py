"""The press photographs: a table with words in either case, copies and a contradiction."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, picture, text

WORDS = ("anger", "DISGUST", "fear", "HAPPINESS", "sadness", "surprise", "NEUTRAL", "contempt")


def press(root: Path) -> Path:
    lines = ["user.id,image,emotion"]
    for person in ("Ann_Alpha", "Bert_Beta-Bee"):
        for k, word in enumerate(WORDS, start=1):
            picture(root / "images" / f"{person}_{k:04}.jpg")
            lines.append(f"628,{person}_{k:04}.jpg,{word}")
    picture(root / "images" / "Avinash_30.jpg")
    lines += ["629,Avinash_30.jpg,surprise", "629,Avinash_30.jpg,sadness"]
    lines += ["630,Ann_Alpha_0001.jpg,ANGER"]  # the same again
    text(root / "data" / "legend.csv", *lines)
    return root


def stray(root: Path) -> Path:
    return picture(root / "images" / "Hans_Hier_0001.jpg")


TREES = {
    "press": Tree(
        "press",
        press,
        SEVEN,
        14,
        2,
        {"images/Bert_Beta-Bee_0004.jpg": ("happy", "Bert_Beta-Bee", "", "still")},
        outside=("contempt",),
        aside=("legend.csv",),
        stray=stray,
    ),
}
