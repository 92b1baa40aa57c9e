"""MELD: a table and films for each part, one of them that was never published."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, stray_video, text, video

WORDS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
FOLDERS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
COLUMNS = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
    "StartTime,EndTime"
)


def meld(root: Path) -> Path:
    for part, folder in FOLDERS.items():
        lines = [COLUMNS]
        for k, word in enumerate(WORDS):
            video(root / part / folder / f"dia1_utt{k}.mp4")
            who = ("Ross", "Monica") if part == "train" else ("Ross", "Guest")
            line = f'{k},"Oh, no",{who[k % 2]},{word},neutral,1,{k},8,21,"00:16:16,059"'
            lines.append(f'{line},"00:16:21,731"')
        if part == "dev":
            lines.append('9,"Oh",Ross,joy,positive,110,7,8,21,"00:16:16,059","00:16:21,731"')
        text(root / part / f"{part}_sent_emo.csv", *lines)
    return root


TREES = {
    "meld": Tree(
        "meld",
        meld,
        SEVEN,
        21,
        6,
        {"dev/dev_splits_complete/dia1_utt3.mp4": ("happy", "valid/Guest", "valid", "clip")},
        splits="train valid test",
        aside=("*_sent_emo.csv",),
        stray=stray_video,
    ),
}
