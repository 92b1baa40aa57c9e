"""Kinds of files and situations that users reported: what is expected, and what is given.

    python benchmarks/cases.py --cases ../shared/cases

Each case runs the command line as a user does, in a process of its own, or calls the library. Its
row holds 1 where what is given is right, and 0 where it is not; the note is what was given. Files
without an example under ``--cases`` are made from the two clips in ``examples/``.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pandas as pd
from PIL import Image

import emonets
from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import open_clip

COMMAND = "python benchmarks/cases.py --cases CASES"
EXAMPLES = Path(__file__).parent.parent / "examples"
ANGRY, HAPPY = EXAMPLES / "1001_DFA_ANG_XX.flv", EXAMPLES / "1001_DFA_HAP_XX.flv"
Outcome = tuple[bool, str]


@dataclass(frozen=True)
class Case:
    """A kind of file: its name, the example, what is right, and how that is checked."""

    kind: str
    file: str
    expected: str
    check: Callable[[Path, Path], Outcome]


CASES: list[Case] = []


def case(kind: str, file: str, expected: str) -> Callable[[Callable[[Path, Path], Outcome]], None]:
    """Enter a check. It takes the folder of cases and an empty folder for its own files."""

    def enter(check: Callable[[Path, Path], Outcome]) -> None:
        CASES.append(Case(kind, file, expected, check))

    return enter


@dataclass(frozen=True)
class Ran:
    """What a command gave: exit status, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def table(self) -> pd.DataFrame:
        """Standard output as CSV."""
        return pd.read_csv(io.StringIO(self.out))

    @property
    def short(self) -> str:
        """The first lines of what it wrote to standard error."""
        return " ".join(self.err.split())[:300] or "no message"


def run(*words: object, **environment: str) -> Ran:
    """Run ``emonets`` with these words."""
    command = [sys.executable, "-W", "ignore", "-m", "emonets", *map(str, words)]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=600,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def predicted(*words: object, **environment: str) -> Ran:
    """Run ``emonets predict`` with CSV as output."""
    return run("predict", "-q", "--format", "csv", *words, **environment)


def clip_label(table: pd.DataFrame) -> str:
    """Label and probability of the last row, the clip's."""
    row = table[table.level == "clip"].iloc[-1]
    p = row[list(emonets.EMOTIONS)].to_numpy(float)
    return f"{row.label} {p.max():.2f}"


def remade(source: Path, target: Path, *, frames: object = None, rate: int = 30) -> Path:
    """Write pictures (n, h, w, 3) uint8 as H.264, with the sound of ``source`` where it has any."""
    with av.open(str(target), "w") as out:
        video = out.add_stream("libx264", rate=rate, options={"crf": "18", "g": "15"})
        images = list(frames)  # type: ignore[call-overload]
        video.height, video.width = images[0].shape[:2]
        video.pix_fmt = "yuv420p"
        sound = out.add_stream("aac", rate=48000, layout="mono")
        for image in images:
            for packet in video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image))):
                out.mux(packet)
        out.mux(video.encode())
        samples = open_clip(source).read_sound().samples
        samples = samples[: int(len(images) / rate * 48000)]
        for i in range(0, len(samples) - 1024, 1024):
            block = av.AudioFrame.from_ndarray(samples[None, i : i + 1024], "fltp", "mono")
            block.sample_rate, block.pts = 48000, i
            out.mux(sound.encode(block))
        out.mux(sound.encode())
    return target


def pictures(path: Path, most: int = 60) -> list[np.ndarray]:
    """The first pictures of a clip."""
    out = []
    for frame in open_clip(path).frames():
        out.append(frame.image)
        if len(out) == most:
            break
    return out


for _name in ("happy_hum.mkv", "happy_fan.mkv"):

    @case("sound without speech", _name, "happy, as the face alone; no speech is found")
    def _(cases: Path, own: Path, name: str = _name) -> Outcome:
        ran = predicted(cases / name)
        audio = ran.table[(ran.table.model == "audio") & (ran.table.level == "clip")].iloc[0]
        label = clip_label(ran.table)
        alone = clip_label(predicted(cases / name, "--models", "face").table)
        return (
            label == alone and label.startswith("happy") and not audio.sound_found,
            f"{label}; the face alone: {alone}; sound_found {audio.sound_found}; {ran.short}",
        )


@case("a still of two people", "still_two_faces.jpg", "two rows with a track; the left is happy")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "still_two_faces.jpg", "--models", "face")
    faces = ran.table[ran.table.level == "face"].sort_values("track")
    labels = faces.label.tolist()
    right = len(faces) == 2 and faces.track.notna().all() and labels.count("happy") == 1
    return bool(right), f"{len(faces)} rows of faces: {', '.join(map(str, labels))}"


@case("a folder of photographs", "DCIM/", "four photographs, four results")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "DCIM")
    files = ran.table.file.nunique()
    return files == 4, f"{files} files; {ran.short}"


@case("a tiled HEIC", "photo_tiles256.heic", "happy, as photo.jpg, or refused")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "photo_tiles256.heic")
    if not ran.out.strip() or ran.table.empty:
        return ran.code != 0, f"refused: {ran.short}"
    label, expected = clip_label(ran.table), clip_label(predicted(cases / "photo.jpg").table)
    (name, p), (other, q) = label.split(), expected.split()
    right = name == other == "happy" and abs(float(p) - float(q)) < 0.03
    return right, f"{label}; photo.jpg: {expected}"


@case("the camera is on late", "camera_on_at_500.mkv", "first face at 500.03 s")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "camera_on_at_500.mkv", "--frames", "--models", "face")
    first = ran.table[ran.table.level == "frame"].start.min()
    return abs(first - 500.03) < 0.05, f"first face at {first:.2f} s"


@case("a pause in the pictures", "gap_pictures.mkv", "second face from 700 s on")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "gap_pictures.mkv", "--frames", "--models", "face")
    times = ran.table[ran.table.level == "frame"].start
    late = times[times > 2.5].min()
    return abs(late - 700) < 0.1, f"second face from {late:.2f} s; {ran.short}"


@case("a pause in the sound", "gap_sound.mkv", "sound at 700 s; the clip ends at 702.3 s")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "gap_sound.mkv", "--window", "5")
    end = ran.table[ran.table.level == "clip"].end.max()
    audio = ran.table[(ran.table.model == "audio") & (ran.table.level == "window")]
    found = audio[audio.sound_found.astype(bool)]
    late = found[found.start > 600]
    right = abs(end - 702.3) < 0.3 and len(late) > 0
    where = ", ".join(f"{start:.0f}" for start in found.start)
    return bool(right), f"ends at {end:.2f} s; sound in the windows at {where} s"


@case("joined transport streams", "joined.ts", "flashes and bleeps at .01, 1.93, 3.85 s")
def _(cases: Path, own: Path) -> Outcome:
    clip = open_clip(cases / "joined.ts")
    frames = [(frame.time, frame.image.mean() > 200) for frame in clip.frames()]
    flashes = [b[0] for a, b in zip([(0, False), *frames], frames, strict=False) if b[1] > a[1]]
    sound = open_clip(cases / "joined.ts").read_sound()
    loud = np.flatnonzero(np.abs(sound.samples) > 0.2)
    starts = loud[np.diff(loud, prepend=-(10**6)) > 9600]
    bleeps = sound.time + starts / 48000
    right = len(flashes) == len(bleeps) == 3 and np.allclose(flashes, bleeps, atol=0.05)
    right &= len(bleeps) == 3 and np.allclose(bleeps, [0.01, 1.93, 3.85], atol=0.05)
    return bool(right), f"flashes {np.round(flashes, 2)}, bleeps {np.round(bleeps, 2)}"


@case("another face takes the tile", "place_taken.mp4", "two tracks, two persons")
def _(cases: Path, own: Path) -> Outcome:
    table = predicted(cases / "place_taken.mp4", "--frames", "--models", "face").table
    faces = table[table.level == "frame"]
    spans = faces.groupby("track").start.agg(["min", "max"])
    mixed = bool(((spans["min"] < 0.9) & (spans["max"] > 1.1)).any())
    text = f"{len(spans)} tracks, {faces.person.nunique()} persons, mixed: {mixed}"
    return not mixed and faces.person.nunique() == 2, text


@case("two picture streams", "screen_and_camera.mkv", "the default stream's face, or a note")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "screen_and_camera.mkv", "--models", "face")
    found = bool((ran.table.level == "face").any())
    return found or "stream" in ran.err, f"face found: {found}; {ran.short}"


@case("two sound streams", "two_sounds.mkv", "a note about the second sound, or its speech")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "two_sounds.mkv")
    return "stream" in ran.err, ran.short


@case("opposite channels", "antiphase.flac", "as the left channel alone, within 0.02")
def _(cases: Path, own: Path) -> Outcome:
    label = clip_label(predicted(cases / "antiphase.flac").table)
    left = own / "left.wav"
    with av.open(str(cases / "antiphase.flac")) as source, av.open(str(left), "w") as out:
        rate = source.streams.audio[0].rate
        stream = out.add_stream("pcm_s16le", rate=rate, layout="mono")
        resampler = av.AudioResampler(format="s16p", layout="stereo")
        for decoded in source.decode(audio=0):
            for frame in resampler.resample(decoded):
                mono = av.AudioFrame.from_ndarray(
                    frame.to_ndarray()[:1], format="s16", layout="mono"
                )
                mono.sample_rate = rate
                out.mux(stream.encode(mono))
        out.mux(stream.encode())
    mono_label = clip_label(predicted(left).table)
    (name, p), (mono_name, mono_p) = label.split(), mono_label.split()
    right = name == mono_name and abs(float(p) - float(mono_p)) < 0.02
    return right, f"{label}; the left channel alone: {mono_label}"


for _name in ("upside_down.mp4", "turned90.mp4"):

    @case("faces on their side or head", _name, "happy, or a warning")
    def _(cases: Path, own: Path, name: str = _name) -> Outcome:
        ran = predicted(cases / name)
        label = clip_label(ran.table)
        return label.startswith("happy") or "turned" in ran.err, f"{label}; {ran.short}"


@case("the picture's size changes", "size_changes.webm", "one track")
def _(cases: Path, own: Path) -> Outcome:
    table = predicted(cases / "size_changes.webm", "--models", "face").table
    faces = table[table.level == "face"]
    tracks, persons = faces.track.nunique(), faces.person.nunique()
    return tracks == persons == 1, f"{tracks} tracks, {persons} persons"


@case("frames one each 10 s", "frames_1fps/", "times by the numbers, and a rate can be given")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "frames_1fps", "--frames", "--models", "face")
    words = ("--frames", "--models", "face", "--fps", "5")
    own_rate = predicted(cases / "frames_1fps", *words).table
    times = sorted(ran.table[ran.table.level == "frame"].start.unique())
    mine = sorted(own_rate[own_rate.level == "frame"].start.unique())
    right = len(times) > 1 and np.allclose(np.diff(times), 10) and np.allclose(np.diff(mine), 2)
    return bool(right), f"times {times[:3]}; with --fps 5 {mine[:3]}; {ran.short}"


@case("a WAV of unknown length", "piped.wav", "status ok, exit status 0")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "piped.wav")
    return ran.code == 0, f"exit status {ran.code}; {ran.short}"


@case("times in milliseconds", "ms4.csv", "refused, or a warning")
def _(cases: Path, own: Path) -> Outcome:
    folder = own / "table"
    (folder / "clips").mkdir(parents=True)
    shutil.copy(cases / "ms4.csv", folder)
    for name in ("ANG", "HAP", "NEU", "SAD"):
        source = HAPPY if name == "HAP" else ANGRY
        shutil.copy(source, folder / "clips" / f"1001_DFA_{name}_XX.flv")
    ran = run("evaluate", "modern", folder / "ms4.csv", "--store", own / "store")
    return ran.code != 0 and "millisecond" in ran.err, f"exit status {ran.code}; {ran.short}"


for _name, _expected in (
    ("names.csv", "column path is missing; expected path, label, group"),
    ("u16.csv", "read, or the encoding is named"),
):

    @case("a table from Excel or with other names", _name, _expected)
    def _(cases: Path, own: Path, name: str = _name) -> Outcome:
        folder = own / "table"
        (folder / "clips").mkdir(parents=True)
        shutil.copy(cases / name, folder)
        for source in (ANGRY, HAPPY):
            shutil.copy(source, folder / "clips")
        ran = run("data", "check", folder / name)
        text = ran.err + ran.out
        if name == "names.csv":
            right = ran.code != 0 and "path" in text and "pixels" not in text
        else:
            right = (ran.code == 0 or "UTF-16" in text) and "pixels" not in text
        return right, f"exit status {ran.code}; {' '.join(text.split())[:300]}"


@case("suffixes that are passed over", "a folder", "read, or counted by kind")
def _(cases: Path, own: Path) -> Outcome:
    folder = own / "mixed"
    folder.mkdir()
    shutil.copy(HAPPY, folder / "a.flv")
    shutil.copy(cases / "photo.jpg", folder / "b.jfif")
    shutil.copy(cases / "photo_tiles256.heic", folder / "c.heic")
    (folder / "notes.xyz").write_text("x")
    with (
        av.open(str(folder / "d.mka"), "w") as out,
        av.open(str(cases / "antiphase.flac")) as source,
    ):
        stream = out.add_stream("pcm_s16le", rate=48000)
        for frame in source.decode(audio=0):
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    ran = predicted(folder)
    read = {Path(name).suffix for name in ran.table.file.unique()}
    named = "xyz" in ran.err
    text = f"read {sorted(read)}; {ran.short}"
    return {".flv", ".jfif", ".mka"} <= read and named, text


@case("a speaker before a wall of photographs", "made", "the clip's label is the speaker's")
def _(cases: Path, own: Path) -> Outcome:
    speaking, other = pictures(ANGRY), pictures(HAPPY)
    height, width = speaking[0].shape[:2]
    still = np.asarray(Image.fromarray(other[30]).resize((width // 2, height // 2)))
    wall = [np.zeros((height * 3 // 2 & ~1, width * 3 // 2 & ~1, 3), np.uint8) for _ in speaking]
    for image, speaker in zip(wall, speaking, strict=True):
        image[-height:, :width] = speaker
        h, w = still.shape[:2]
        for k in range(3):
            image[:h, k * w : (k + 1) * w] = still
    path = remade(ANGRY, own / "wall.mp4", frames=wall)
    alone = clip_label(predicted(ANGRY).table)
    ran = predicted(path)
    label = clip_label(ran.table)
    return label.split()[0] == alone.split()[0], f"alone {alone}; before the wall {label}"


@case("a person leaves and returns", "made", "one person")
def _(cases: Path, own: Path) -> Outcome:
    happy = pictures(HAPPY, 40)
    empty = [np.full_like(happy[0], 90)] * 40
    path = remade(HAPPY, own / "returns.mp4", frames=[*happy, *empty, *happy])
    table = predicted(path, "--models", "face").table
    persons = table[table.level == "face"].person.nunique()
    return persons == 1, f"{persons} persons, {table.track.nunique()} tracks"


@case("cut away and back", "made", "one number before and after")
def _(cases: Path, own: Path) -> Outcome:
    happy = pictures(HAPPY, 40)
    other = np.asarray(Image.open(cases / "still_two_faces.jpg").convert("RGB"))
    other = other[:, other.shape[1] // 2 :]
    other = np.asarray(Image.fromarray(other).resize(happy[0].shape[1::-1]))
    path = remade(HAPPY, own / "cut.mp4", frames=[*happy, *[other] * 40, *happy])
    faces = predicted(path, "--frames", "--models", "face").table.query("level == 'frame'")
    first = set(faces[faces.start < 1.2].person) | set(faces[faces.start > 2.8].person)
    return len(first) == 1, f"{faces.person.nunique()} persons; before and after: {sorted(first)}"


@case("few pictures a second", "made, 10/s of 30/s", "the face's label stays")
def _(cases: Path, own: Path) -> Outcome:
    path = remade(HAPPY, own / "slow.mp4", frames=pictures(HAPPY, 200)[::3], rate=10)
    full = clip_label(predicted(HAPPY, "--models", "face").table)
    slow = clip_label(predicted(path, "--models", "face").table)
    return full.split()[0] == slow.split()[0], f"30/s {full}; 10/s {slow}"


@case("groups by case, spaces, zeros", "made", "the pairs are named")
def _(cases: Path, own: Path) -> Outcome:
    folder = own / "groups"
    folder.mkdir()
    lines = ["path,label,group"]
    for k, group in enumerate(("1", "1.0", "01", "P1", "p1")):
        content = (HAPPY if k % 2 else ANGRY).read_bytes()
        (folder / f"{k}.flv").write_bytes(content[: len(content) - 4000 * k])
        lines.append(f"{k}.flv,{'happy' if k % 2 else 'angry'},{group}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    ran = run("data", "check", folder / "table.csv")
    text = " ".join((ran.err + ran.out).split())
    right = all(f"'{name}'" in text for name in ("P1", "p1", "1.0", "01"))
    return right and ran.code != 0, text[-300:]


@case("a NaN label", "made", "the row and the column are named")
def _(cases: Path, own: Path) -> Outcome:
    shutil.copy(HAPPY, own / "a.flv")
    (own / "table.csv").write_text("path,label,group\na.flv,NaN,s1\n")
    ran = run("data", "check", own / "table.csv")
    return "label" in ran.err and "Traceback" not in ran.err, f"{ran.code}: {ran.short}"


@case("a folder with an unknown name", "angyr/", "an error with the nearest name and --map")
def _(cases: Path, own: Path) -> Outcome:
    for name, source in (("angyr", ANGRY), ("happy", HAPPY)):
        (own / "corpus" / name).mkdir(parents=True)
        shutil.copy(source, own / "corpus" / name / "a.flv")
    ran = run("data", "check", own / "corpus")
    right = ran.code != 0 and "angry" in ran.err and "--map" in ran.err
    return right, f"exit status {ran.code}; {ran.short}"


@case("SIGTERM", "two workers", "no process lives on; exit status 143")
def _(cases: Path, own: Path) -> Outcome:
    folder = own / "many"
    folder.mkdir()
    for k in range(8):
        shutil.copy(HAPPY, folder / f"{k}.flv")
    command = [sys.executable, "-m", "emonets", "predict", "-q", "--workers", "2", str(folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(12)
    process.send_signal(signal.SIGTERM)
    code = process.wait(30)
    time.sleep(2)
    left = subprocess.run(
        ["pgrep", "-s", str(process.pid)], check=False, capture_output=True, text=True
    ).stdout
    count = len(left.split())
    return count == 0 and code in (143, -15), f"exit status {code}; {count} processes after 2 s"


@case("limits", "--limit pixels=1000", "a larger picture is refused")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(cases / "photo.jpg", "--limit", "pixels=1000")
    return ran.code != 0 and "limit" in ran.err, ran.short


@case("OMP_NUM_THREADS='²'", HAPPY.name, "one warning, a result")
def _(cases: Path, own: Path) -> Outcome:
    ran = predicted(HAPPY, OMP_NUM_THREADS="²")
    return ran.code == 0 and "OMP_NUM_THREADS" in ran.err, f"{ran.code}: {ran.short}"


@case("answers outside the data's classes", "evaluate", "both scores are given")
def _(cases: Path, own: Path) -> Outcome:
    (own / "clips").mkdir()
    shutil.copy(ANGRY, own / "clips")
    shutil.copy(HAPPY, own / "clips")
    (own / "t.csv").write_text(
        f"path,label,group\nclips/{ANGRY.name},angry,s1\nclips/{HAPPY.name},happy,s1\n"
    )
    ran = run("evaluate", "modern", own / "t.csv", "--store", own / "store")
    text = " ".join((ran.out + ran.err).split())
    return ran.code == 0 and "predict" in text and "interval" in text.lower(), text[:300]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--only", help="kinds that contain this text")
    args = parser.parse_args()
    rows = []
    for case in CASES:
        if args.only and args.only not in f"{case.kind} {case.file}":
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                right, got = case.check(args.cases.resolve(), Path(folder))
            except Exception as error:
                right, got = False, f"{type(error).__name__}: {error}"
            got = got.replace(folder, "FOLDER").replace(str(args.cases.resolve()), "CASES")
        print(f"{'right' if right else 'WRONG'}  {case.kind} ({case.file}): {got}", flush=True)
        rows.append(
            Evidence(
                what=case.kind,
                data=case.file,
                split=f"expected: {case.expected}",
                metric="right",
                value=float(right),
                n=1,
                command=COMMAND,
                note=f"got: {got[:240]}",
            )
        )
    print(f"{sum(row.value for row in rows):.0f} of {len(rows)} right")
    if not args.only:
        write_results("cases", rows)


if __name__ == "__main__":
    main()
