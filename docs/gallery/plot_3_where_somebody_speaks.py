"""
Where somebody speaks
=====================

The audio specialist uses speech only. This is how speech is found.
"""

import matplotlib.pyplot as plt
import numpy as np

from emonets.media.clip import open_clip
from emonets.one_pass import read_clip
from emonets.voices.speech import Speech, SpeechReader

CLIP = "../../examples/1001_DFA_HAP_XX.flv"

# %%
# The reader takes the sound piece by piece, and gives a probability every 32 ms.

clip = open_clip(CLIP)
speech = Speech.of(read_clip(clip, {"speech": SpeechReader()}).features["speech"])
print([tuple(round(float(t), 2) for t in span) for span in speech.intervals()])

# %%
# Sound is mono at 48 kHz, with a time of its own.

sound = open_clip(CLIP).read_sound()
times = sound.time + np.arange(len(sound.samples)) / 48000
figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(9, 4))
above.plot(times[::20], sound.samples[::20], linewidth=0.5, color="0.4")
for start, end in speech.intervals():
    above.axvspan(start, end, alpha=0.2, color="#0072B2")
above.set_ylabel("sound")
below.plot(0.032 * (np.arange(len(speech.p)) + 0.5), speech.p, color="#0072B2")
below.set_ylim(0, 1)
below.set_ylabel("speech, probability")
below.set_xlabel("seconds")
figure.tight_layout()
