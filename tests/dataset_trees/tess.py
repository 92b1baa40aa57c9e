"""TESS, with the one file that is misnamed."""

from __future__ import annotations

import itertools
from pathlib import Path

from dataset_trees._made import SEVEN, Tree, sound, stray_sound


def tess(root: Path) -> Path:
    for speaker, word in itertools.product(
        "OY", ("angry", "disgust", "fear", "happy", "ps", "sad")
    ):
        sound(root / f"{speaker}AF_{word}" / f"{speaker}AF_back_{word}.wav")
    sound(root / "OAF_neutral" / "OA_bite_neutral.wav")
    sound(root / "YAF_neutral" / "YAF_bite_neutral.wav")
    return root


TREES = {
    "tess": Tree(
        "tess",
        tess,
        SEVEN,
        14,
        2,
        examples={"OAF_neutral/OA_bite_neutral.wav": ("neutral", "OAF", "", "sound")},
        stray=stray_sound,
    ),
}
