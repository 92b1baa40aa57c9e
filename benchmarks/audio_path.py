"""The sound's way from a file to probabilities: speed of both models, and memory over length.

    OMP_NUM_THREADS=1 python benchmarks/audio_path.py

The sound of an example clip, repeated. What listening costs is compared, in the same process,
with decoding the same file alone. Each length of the memory test is a process of its own, because
a peak cannot be taken back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from decode import peak_megabytes
from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import SOUND_RATE, open_clip

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "1001_DFA_HAP_XX.flv"
COMMAND = "OMP_NUM_THREADS=1 python benchmarks/audio_path.py"


def make_sound(path: Path, seconds: float) -> None:
    """A FLAC file of so many seconds."""
    samples = open_clip(EXAMPLE).read_sound().samples
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    left = int(seconds * SOUND_RATE)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("flac", rate=SOUND_RATE, layout="mono")
        stream.format = "s16"
        done = 0
        while left > 0:
            part = pcm[: min(left, 4096 * (len(pcm) // 4096))]
            for start in range(0, len(part), 4096):
                frame = av.AudioFrame.from_ndarray(part[None, start : start + 4096], "s16", "mono")
                frame.sample_rate, frame.pts = SOUND_RATE, done
                done += frame.samples
                out.mux(stream.encode(frame))
            left -= len(part)
        out.mux(stream.encode())


def measure(sound: str) -> None:
    """In the child: predict and print the peak."""
    import emonets

    emonets.load().predict_clip(sound)
    print(json.dumps({"megabytes": peak_megabytes()}))


def main() -> None:
    import emonets

    rows = []
    about = {"data": "example clip's sound, repeated", "split": "none", "seed": 0}
    with tempfile.TemporaryDirectory() as folder:
        seconds = 120.0
        file = Path(folder) / "sound.flac"
        make_sound(file, seconds)
        start = time.perf_counter()
        for _ in open_clip(file).sound():
            pass
        decoding = time.perf_counter() - start
        print(f"decoding alone: {seconds / decoding:.0f} x real time")
        for bundle in ("paper", "modern"):
            model = emonets.load(bundle).with_models(["audio"])
            model.predict_clip(EXAMPLE)  # networks are opened once
            times = []
            for _ in range(3):
                start = time.perf_counter()
                model.predict_clip(file)
                times.append(time.perf_counter() - start)
            spent = float(np.median(times))
            print(f"{bundle}: {seconds / spent:.0f} x real time, {spent / decoding:.1f} x decoding")
            rows += [
                Evidence(what=f"listening, {bundle}, one core", metric="realtime", n=3,
                    value=seconds / spent, command=COMMAND, **about),
                Evidence(what=f"time of listening, {bundle}, against decoding alone",
                    metric="ratio", n=3, value=spent / decoding, command=COMMAND, **about),
            ]  # fmt: skip
        found = {}
        for minutes in (1, 20):
            file = Path(folder) / f"{minutes}.flac"
            make_sound(file, minutes * 60)
            out = subprocess.run(
                [sys.executable, __file__, str(file)], capture_output=True, text=True, check=True
            ).stdout
            found[minutes] = json.loads(out.splitlines()[-1])["megabytes"]
            print(f"{minutes} minutes of sound: peak {found[minutes]:.0f} MB")
    rows.append(
        Evidence(what="sound: peak memory of 20 minutes less that of 1 minute", metric="megabytes",
            n=2, value=found[20] - found[1], command=COMMAND, **about)
    )  # fmt: skip
    write_results("speed", rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
