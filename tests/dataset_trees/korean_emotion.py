"""The Korean emotional speech: two speakers, with the texts beside the recordings."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, sound, stray_sound, text


def korean(root: Path) -> Path:
    for group, speaker in (("plain-to-emotional", "ema"), ("emotional-to-emotional", "neo")):
        for number in (1, 100, 101, 200, 201, 300, 301, 400):
            sound(root / group / speaker / "wav" / f"{speaker}{number:05}.wav")
            text(root / group / speaker / "script" / f"{speaker}{number:05}.txt", "x")
    return root


TREES = {
    "korean_emotion": Tree(
        "korean_emotion",
        korean,
        "angry happy sad neutral",
        16,
        2,
        {
            "plain-to-emotional/ema/wav/ema00300.wav": ("sad", "ema", "", "sound"),
            "plain-to-emotional/ema/wav/ema00301.wav": ("angry", "ema", "", "sound"),
        },
        stray=stray_sound,
    ),
}
