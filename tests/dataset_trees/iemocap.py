"""IEMOCAP: dialogues of two sessions, with what is dropped of them."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, sound, stray_sound, text

WORDS = ("ang", "dis", "fea", "hap", "neu", "sad", "sur", "exc", "fru", "oth", "xxx")


def iemocap(root: Path) -> Path:
    for session in (1, 5):
        base = root / f"Session{session}"
        for dialogue in (f"Ses0{session}F_impro01", f"Ses0{session}M_script02_1b"):
            lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
            for k, word in enumerate(WORDS):
                name = f"{dialogue}_{'FM'[k % 2]}{k:03}"
                sound(base / "sentences/wav" / dialogue / f"{name}.wav")
                lines.append(f"[{k}.2901 - {k + 1}.2357]\t{name}\t{word}\t[2.5000, 2.5000, 2.5000]")
                lines.append("C-E2:\tNeutral;\t()")
                lines.append("")
            text(base / "dialog/EmoEvaluation" / f"{dialogue}.txt", *lines)
            sound(base / "dialog/wav" / f"{dialogue}.wav")
    return root


TREES = {
    "iemocap": Tree(
        "iemocap",
        iemocap,
        SEVEN,
        28,
        4,
        {
            "Session5/sentences/wav/Ses05M_script02_1b/Ses05M_script02_1b_F000.wav": (
                "angry",
                "Ses05F",
                "",
                "sound",
            )
        },
        outside=("exc", "fru", "oth", "xxx"),
        aside=("Ses*.txt",),
        stray=stray_sound,
    ),
}
