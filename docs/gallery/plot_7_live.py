"""
Answers while a clip plays
==========================

A session takes frames as they come. ``now`` answers for the last seconds, ``finish`` for all.
"""

import matplotlib.pyplot as plt

import emonets
from emonets.media.clip import open_clip

CLIP = "../../examples/1001_DFA_HAP_XX.flv"

# %%
# Each frame has a time in seconds. A camera or a stream of yours gives both.

times, curves = [], []
with emonets.Session(models="face", window=1.0, keep=False) as session:
    for frame in open_clip(CLIP).frames():
        if frame.index % 3:
            continue
        session.push_frame(frame.image, frame.time)
        update = session.now()
        for person in update.persons:
            times.append(update.time)
            curves.append(person.probabilities)

# %%
# The face has a number from its third frame on. From then on there are answers.

figure, axis = plt.subplots(figsize=(9, 3))
for name, values in zip(emonets.EMOTIONS, zip(*curves, strict=True), strict=True):
    axis.plot(times, values, label=name, color=emonets.emotions.COLOURS[name])
axis.set_ylim(0, 1)
axis.set_xlabel("seconds")
axis.set_ylabel("probability")
axis.legend(ncols=4, fontsize=7)
figure.tight_layout()
