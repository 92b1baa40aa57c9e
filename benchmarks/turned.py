"""Clips whose faces lie on their side or head: how often the direction is found, and its cost.

    python benchmarks/turned.py DATA [--turn-every 4]

DATA holds ``javanese_av``, ``ravdess_av`` and ``crema_d``. Every clip is examined as it is: none
may be turned. Of every n-th clip three turned copies are examined too: each is to be turned back.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import open_clip
from emonets.tubes.centerface import CenterFace
from emonets.tubes.upright import set_upright

SETS = {"crema_d": "CREMA-D, 1 actor", "javanese_av": "Javanese, 8 actors",
        "ravdess_av": "RAVDESS, 1 actor"}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--turn-every", type=int, default=4)
    options = parser.parse_args()
    command = f"python benchmarks/turned.py DATA --turn-every {options.turn_every}"
    detector = CenterFace()
    rows = []
    for folder, name in SETS.items():
        clips = sorted((options.data / folder).iterdir())
        wrong, back, seconds = [], [], []
        for number, path in enumerate(clips):
            for turns in range(4 if number % options.turn_every == 0 else 1):
                clip = open_clip(path)
                clip.turn(turns)
                began = time.process_time()
                set_upright(clip, detector)
                if turns:
                    back.append(clip.turned == 0)
                else:
                    seconds.append(time.process_time() - began)
                    wrong.append(clip.turned != 0)
        rows += [
            Evidence(what="upright clips that are turned", data=name, metric="share",
                     value=float(np.mean(wrong)), n=len(wrong), command=command),
            Evidence(what="turned copies that are turned back", data=name, metric="share",
                     value=float(np.mean(back)), n=len(back), command=command),
            Evidence(what="processor time of an upright clip", data=name, metric="seconds",
                     value=float(np.median(seconds)), n=len(seconds), command=command),
        ]  # fmt: skip
        print(*rows[-3:], sep="\n")
    write_results("turned", rows)


if __name__ == "__main__":
    main()
