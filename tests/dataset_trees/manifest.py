"""Tables of clips and of pieces of clips."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, sound, text, video


def manifest_csv(root: Path) -> Path:
    lines = ["path,label,group,split,start,end"]
    for group, split in (("ann", "train"), ("bob", "val"), ("cid", "test")):
        sound(root / "wav" / f"{group}.wav")
        video(root / "video" / f"{group}.mp4")
        lines.append(f"wav/{group}.wav,joy,{group},{split},0,0.01")
        lines.append(f"wav/{group}.wav,sad,{group},{split},0.01,")
        lines.append(f"video/{group}.mp4,fear,{group},{split},,")
    lines.append("wav/ann.wav,contempt,ann,train,,")
    return text(root / "mine.csv", *lines)


def manifest_parquet(root: Path) -> Path:
    import pandas as pd

    rows = []
    for group in ("ann", "bob"):
        for label in ("angry", "sad"):
            name = sound(root / f"{group}-{label}.wav").name
            rows.append({"path": name, "label": label, "group": group, "start": 0.0, "end": None})
    pd.DataFrame(rows).to_parquet(root / "manifest.parquet")
    return root


def stray_line(path: Path) -> Path:
    sound(path.parent / "holiday.wav")
    path.write_text(path.read_text() + "holiday.wav,,ann,train,,\n")
    return path.parent / "holiday.wav"


TREES = {
    "manifest, csv": Tree(
        "manifest",
        manifest_csv,
        "fear happy sad",
        9,
        3,
        examples={"video/bob.mp4": ("fear", "bob", "valid", "clip")},
        aside=("mine.csv",),
        splits="train valid test",
        outside=("contempt",),
        stray=stray_line,
    ),
    "manifest, parquet": Tree(
        "manifest",
        manifest_parquet,
        "angry sad",
        4,
        2,
        examples={"ann-sad.wav": ("sad", "ann", "", "sound")},
        aside=("manifest.parquet",),
    ),
}
