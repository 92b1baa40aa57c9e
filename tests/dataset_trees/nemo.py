"""nEMO: two speakers, with the table and without it."""

from __future__ import annotations

import itertools
from pathlib import Path

from dataset_trees._made import Tree, sound, stray_sound, text

WORDS = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
CLASSES = "angry fear happy sad surprise neutral"


def samples(root: Path) -> Path:
    for speaker, word in itertools.product(("WR0", "EB0"), WORDS):
        sound(root / "samples" / f"{speaker}_{word}_7.wav")
    return root


def with_table(root: Path) -> Path:
    samples(root)
    rows = [
        f'{speaker}_{word}_7.wav\t{word}\tA "text\tA text\t        {speaker}\tmale\t23'
        for speaker, word in itertools.product(("WR0", "EB0"), WORDS)
    ]
    head = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"
    text(root / "data.tsv", head, *rows)
    return root


EXAMPLES = {"samples/WR0_surprised_7.wav": ("surprise", "WR0", "", "sound")}
TREES = {
    "nemo": Tree(
        "nemo", with_table, CLASSES, 12, 2, EXAMPLES, stray=stray_sound, aside=("data.tsv",)
    ),
    "nemo, sounds alone": Tree("nemo", samples, CLASSES, 12, 2, EXAMPLES, stray=stray_sound),
}
