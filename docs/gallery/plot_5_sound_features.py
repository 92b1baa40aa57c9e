"""
The paper's features of the sound
=================================

Section 3.2: 909 numbers every 13 ms. Here are the 13 mel cepstral coefficients of them.
"""

import matplotlib.pyplot as plt

from emonets.media.clip import open_clip
from emonets.specialists.audio.features import YAAFE_NAMES, yaafe_features

CLIP = "../../examples/1001_DFA_HAP_XX.flv"

# %%
# The features need an array of samples and a rate.

sound = open_clip(CLIP).read_sound()
mfcc = yaafe_features(sound.samples, 48000, features=["MFCC"])
print(len(YAAFE_NAMES), mfcc.shape)

# %%
# Each column is divided by its spread, to be seen beside the others.

figure, axis = plt.subplots(figsize=(9, 3))
scaled = (mfcc - mfcc.mean(axis=0)) / mfcc.std(axis=0)
axis.imshow(scaled.T, aspect="auto", origin="lower", cmap="RdBu", vmin=-3, vmax=3)
axis.set_xlabel("frame")
axis.set_ylabel("coefficient")
figure.tight_layout()
