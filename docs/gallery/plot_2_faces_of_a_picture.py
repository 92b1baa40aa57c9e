"""
The faces of one picture
========================

``look`` takes a picture and returns its faces, each with a box and seven probabilities.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

import emonets
from emonets.media.clip import open_clip

CLIP = "../../examples/1001_DFA_HAP_XX.flv"

# %%
# Any RGB array will do. Here it is the frame at one second.

clip = open_clip(CLIP)
frame = next(frame for frame in clip.frames() if frame.time >= 1.0)
faces = emonets.look(frame.image)

# %%
# The box is a square in pixels: left, top, width and height.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
left.imshow(frame.image)
left.set_axis_off()
for face in faces:
    x, y, width, height = face.box
    colour = emonets.emotions.COLOURS[face.label]
    left.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=colour, linewidth=3))
    left.set_title(f"{face.label}, detector {face.score:.0%} sure")
    right.barh(
        emonets.EMOTIONS,
        face.probabilities,
        color=[emonets.emotions.COLOURS[name] for name in emonets.EMOTIONS],
    )
right.invert_yaxis()
right.set_xlim(0, 1)
right.set_xlabel("probability")
figure.tight_layout()
