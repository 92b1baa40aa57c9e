"""
Removing slow changes of light
==============================

Isotropic smoothing, section 3.1.1 of the paper, on a face with a shadow drawn over it.
"""

import matplotlib.pyplot as plt
import numpy as np

import emonets
from emonets.media.clip import open_clip
from emonets.specialists.face.illumination import isotropic_smoothing

CLIP = "../../examples/1001_DFA_HAP_XX.flv"

# %%
# A grey face, and the same with the right side four times darker.

frame = next(frame for frame in open_clip(CLIP).frames() if frame.time >= 1.0)
x, y, width, height = (int(side) for side in emonets.look(frame.image)[0].box)
face = frame.image[max(y, 0) : y + height, max(x, 0) : x + width].mean(axis=2)
shadow = face * np.linspace(1, 0.25, face.shape[1])

# %%
# The reflectance is nearly the same with the shadow and without it.

even, mended = isotropic_smoothing(face), isotropic_smoothing(shadow)
figure, axes = plt.subplots(1, 4, figsize=(9, 2.8))
names = ("a face", "with a shadow", "smoothed", "smoothed, of the shadow")
for axis, picture, name in zip(axes, (face, shadow, even, mended), names, strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(name, fontsize=9)
    axis.set_axis_off()
figure.tight_layout()
correlation = np.corrcoef(even.ravel(), mended.ravel())[0, 1]
before = np.corrcoef(face.ravel(), shadow.ravel())[0, 1]
print(f"correlation with the even face: {before:.2f} before, {correlation:.2f} after")
