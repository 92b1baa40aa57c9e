"""Tiny made-up trees in the layout of every dataset, of files that can be decoded."""

from __future__ import annotations

import itertools
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import savemat

from media_files import write_media

_NUMBERS = itertools.count(1)  # no two files of a tree have the same content
_FILMS = 128  # are encoded of each kind, more than a tree has
_films: dict[tuple[str, int], bytes] = {}


def sound(path: Path) -> Path:
    """Twenty milliseconds of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(next(_NUMBERS)).integers(-9000, 9000, 320, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(noise.tobytes())
    return path


def film(path: Path) -> Path:
    """Four frames of 32 x 32 pixels of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = next(_NUMBERS) % _FILMS
    kept = _films.get((path.suffix, number))
    if kept is not None:
        path.write_bytes(kept)
        return path
    image = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    codec = "flv" if path.suffix == ".flv" else "mpeg4"
    write_media(path, video=codec, stamps=(0, 40, 80, 120), size=(32, 32), paint=lambda _: image)
    _films[path.suffix, number] = path.read_bytes()
    return path


def picture(path: Path) -> Path:
    """48 x 48 pixels of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(next(_NUMBERS)).integers(0, 256, (48, 48), dtype=np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass(frozen=True)
class Tree:
    """A layout: which dataset it is of, how a good tree is made, and what is in it.

    ``make`` returns the path to open. ``stray`` puts something without a label into it; None
    where there can be none. ``names`` are the classes, ``groups`` how many there are, ``outside``
    the words that are dropped.
    """

    dataset: str
    make: Callable[[Path], Path]
    names: str
    n: int
    groups: int
    splits: str = ""
    outside: tuple[str, ...] = ()
    stray: Callable[[Path], Path] | None = None
    options: dict[str, Any] = field(default_factory=dict)


SEVEN = "angry disgust fear happy sad surprise neutral"
SIX = "angry disgust fear happy sad neutral"


def folders(root: Path) -> Path:
    for split, person in (("train", "ann"), ("valid", "bob"), ("test", "cid")):
        for name in ("angry", "Happiness", "CALM"):
            sound(root / split / name / person / "1.wav")
    film(root / "train" / "angry" / "ann" / "2.mp4")
    sound(root / "train" / "contempt" / "ann" / "1.wav")
    return root


def pictures(root: Path) -> Path:
    for name in SEVEN.split():
        for k in range(2):
            picture(root / name / f"{k}.png")
    return root


def manifest_csv(root: Path) -> Path:
    lines = ["path,label,group,split,start,end"]
    for group, split in (("ann", "train"), ("bob", "val"), ("cid", "test")):
        sound(root / "wav" / f"{group}.wav")
        film(root / "film" / f"{group}.mp4")
        lines.append(f"wav/{group}.wav,joy,{group},{split},0,0.01")
        lines.append(f"wav/{group}.wav,sad,{group},{split},0.01,")
        lines.append(f"film/{group}.mp4,fear,{group},{split},,")
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


def afew(parts: tuple[str, str, str]) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for part, hour in zip(parts, "012", strict=True):
            for k, name in enumerate(("Angry", "Disgust", "Fear", "Happy", "Sad", "Neutral")):
                film(root / part / name / f"0{hour}00{k}6280.avi")
            film(root / part / "Surprise" / "001234560.avi")
        film(root / parts[2] / "001700040.avi")
        return root

    return make


def fer_arrays() -> dict[str, Any]:
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(7), 6)
    return {
        "images": random.integers(0, 256, (42, 48, 48), dtype=np.uint8),
        "label": labels,
        "usage": np.repeat([0, 1, 2], 14),
        "ferplus_votes": random.integers(0, 10, (42, 10), dtype=np.uint8),
    }


def fer_npz(root: Path) -> Path:
    np.savez(root / "fer2013.npz", **fer_arrays())
    return root / "fer2013.npz"


def fer_csv(root: Path) -> Path:
    a = fer_arrays()
    usage = ("Training", "PublicTest", "PrivateTest")
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},{usage[part]}"
        for label, image, part in zip(a["label"], a["images"], a["usage"], strict=True)
    ]
    text(root / "fer2013.csv", "emotion,pixels,Usage", *rows)
    names = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    votes = [",".join(map(str, row)) for row in a["ferplus_votes"]]
    text(root / "fer2013new.csv", names, *votes)
    return root


def fer_folders(root: Path) -> Path:
    for name in SEVEN.split():
        for k, (part, start) in enumerate(
            (("train", "Training"), ("test", "PublicTest"), ("test", "PrivateTest"))
        ):
            picture(root / part / name / f"{start}_{k}{len(name)}{ord(name[0])}.png")
    return root


def tfd_mat(root: Path) -> Path:
    n = 28
    savemat(
        root / "TFD_48x48.mat",
        {
            "images": np.random.default_rng(1).integers(0, 256, (n, 48, 48), dtype=np.uint8),
            "labs_ex": np.array([*np.tile(np.arange(1, 8), 3), *[-1] * 7])[:, None],
            "labs_id": np.repeat([1, 2, 3, 4], 7)[:, None],
            "folds": np.repeat([1, 2, 3, 0], 7)[:, None].repeat(5, axis=1),
        },
    )
    return root / "TFD_48x48.mat"


def ckplus(root: Path) -> Path:
    for subject in ("S005", "S010"):
        for code in range(1, 8):
            for frame in (1, 2, 3):
                picture(
                    root / "cohn-kanade-images" / subject / f"00{code}"
                    / f"{subject}_00{code}_{frame:08}.png"
                )  # fmt: skip
            text(
                root / "Emotion" / subject / f"00{code}"
                / f"{subject}_00{code}_00000003_emotion.txt",
                f"   {code}.0000000e+00",
            )  # fmt: skip
    picture(root / "cohn-kanade-images/S010/008/S010_008_00000001.png")  # has no label
    return root


def ravdess(prefix: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for actor, emotion in itertools.product((1, 12), range(1, 9)):
            name = f"Actor_{actor:02}/{prefix}-0{emotion}-01-02-01-{actor:02}"
            _ = sound(root / f"{name}.wav") if prefix[1] == "3" else film(root / f"{name}.mp4")
        return root

    return make


def crema(folder: str, suffix: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for actor, word in itertools.product((1001, 1091), ("ANG", "DIS", "FEA", "HAP", "SAD")):
            path = root / folder / f"{actor}_IEO_{word}_LO{suffix}"
            _ = sound(path) if suffix == ".wav" else film(path)
            if word == "SAD":  # as one name of the set is
                path.rename(path.with_name(f"{actor}_ITH_SAD_X{suffix}"))
            if word == "ANG":
                other = path.with_name(f"{actor}_DFA_NEU_XX{suffix}")
                _ = sound(other) if suffix == ".wav" else film(other)
        return root

    return make


def emodb(root: Path) -> Path:
    for speaker, letter in itertools.product(("03", "16"), "WLEAFTN"):
        sound(root / "wav" / f"{speaker}a01{letter}b.wav")
    return root


def savee_folders(root: Path) -> Path:
    for speaker, word in itertools.product(("DC", "KL"), ("a", "d", "f", "h", "n", "sa", "su")):
        sound(root / "AudioData" / speaker / f"{word}01.wav")
    text(root / "AudioData" / "Info.txt", "made up")
    return root


def savee_flat(root: Path) -> Path:
    for speaker, word in itertools.product(("JE", "JK"), ("a", "d", "f", "h", "n", "sa", "su")):
        sound(root / f"{speaker}_{word}15.wav")
    return root


def tess(root: Path) -> Path:
    for speaker, word in itertools.product(
        "OY", ("angry", "disgust", "fear", "happy", "ps", "sad")
    ):
        sound(root / f"{speaker}AF_{word}" / f"{speaker}AF_back_{word}.wav")
    sound(root / "OAF_neutral" / "OA_bite_neutral.wav")
    sound(root / "YAF_neutral" / "YAF_bite_neutral.wav")
    return root


def javanese(suffix: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for actor, emotion in itertools.product((1, 8), range(1, 7)):
            path = root / f"0{actor}-01-0{emotion}_01{suffix}"
            _ = sound(path) if suffix == ".wav" else film(path)
        return root

    return make


def stray_sound(root: Path) -> Path:
    return sound(root / "holiday.wav")


def stray_film(root: Path) -> Path:
    return film(root / "holiday.avi")


def stray_picture(root: Path) -> Path:
    return picture(root / "holiday.png")


def stray_line(path: Path) -> Path:
    sound(path.parent / "holiday.wav")
    path.write_text(path.read_text() + "holiday.wav,,ann,train,,\n")
    return path.parent / "holiday.wav"


def stray_sequence(root: Path) -> Path:
    return picture(root / "cohn-kanade-images/S005/009/S005_009_00000001.png")


TREES = {
    "folders": Tree(
        "folders", folders, "angry happy neutral", 10, 3, "train valid test", ("contempt",),
        stray_sound,
    ),
    "folders of pictures": Tree("folders", pictures, SEVEN, 14, 14, stray=stray_picture),
    "manifest, csv": Tree(
        "manifest", manifest_csv, "fear happy sad", 9, 3, "train valid test", ("contempt",),
        stray_line,
    ),
    "manifest, parquet": Tree("manifest", manifest_parquet, "angry sad", 4, 2),
    "afew 2013": Tree(
        "afew", afew(("Train", "Val", "Test")), SEVEN, 21, 21, "train valid test",
        stray=stray_film,
    ),
    "afew 2016": Tree(
        "afew", afew(("Train_AFEW", "Val_AFEW", "Test_2016/AFEW")), SEVEN, 21, 21,
        "train valid test", stray=stray_film,
    ),
    "fer2013, npz": Tree("fer2013", fer_npz, SEVEN, 42, 42, "train valid test"),
    "fer2013, csv": Tree("fer2013", fer_csv, SEVEN, 42, 42, "train valid test"),
    "fer2013, folders": Tree(
        "fer2013", fer_folders, SEVEN, 21, 21, "train valid test", stray=stray_picture
    ),
    "tfd, mat": Tree("tfd", tfd_mat, SEVEN, 21, 3, "train valid test"),
    "tfd, folders": Tree(
        "tfd", pictures, SEVEN, 14, 14, stray=stray_picture, options={"layout": "tfd"}
    ),
    "ckplus": Tree(
        "ckplus", ckplus, "angry disgust fear happy sad surprise", 12, 2, outside=("contempt",),
        stray=stray_sequence,
    ),
    "ravdess, speech": Tree("ravdess", ravdess("03-01"), SEVEN, 16, 2, stray=stray_sound),
    "ravdess, films": Tree("ravdess", ravdess("01-01"), SEVEN, 16, 2, stray=stray_film),
    "crema_d, films": Tree("crema_d", crema("VideoFlash", ".flv"), SIX, 12, 2, stray=stray_film),
    "crema_d, mp4": Tree("crema_d", crema("mp4", ".mp4"), SIX, 12, 2, stray=stray_film),
    "crema_d, sound": Tree("crema_d", crema("AudioWAV", ".wav"), SIX, 12, 2, stray=stray_sound),
    "emodb": Tree("emodb", emodb, SIX, 12, 2, outside=("boredom",), stray=stray_sound),
    "savee, folders": Tree("savee", savee_folders, SEVEN, 14, 2, stray=stray_sound),
    "savee, flat": Tree("savee", savee_flat, SEVEN, 14, 2, stray=stray_sound),
    "tess": Tree("tess", tess, SEVEN, 14, 2, stray=stray_sound),
    "javanese, sound": Tree(
        "javanese", javanese(".wav"), "angry fear happy sad surprise neutral", 12, 2,
        stray=stray_sound,
    ),
    "javanese, films": Tree(
        "javanese", javanese(".mp4"), "angry fear happy sad surprise neutral", 12, 2,
        stray=stray_film,
    ),
}  # fmt: skip
"""What the contract tests run over."""
