"""
A clip as ten segments
======================

Section 3.1.4: the frames of a clip become ten segments, whatever their number. An SVM learns on the
70 numbers.
"""

import matplotlib.pyplot as plt
import numpy as np

import emonets
from emonets.specialists.descriptor import segments

CLIP = "../../examples/1001_DFA_HAP_XX.flv"

# %%
# A row for each face picture: ``frame_rows=True``.

result = emonets.predict(CLIP, models="face", frame_rows=True)
frames = result.frames()
p = frames[list(emonets.EMOTIONS)].to_numpy(float)
print(p.shape)

# %%
# With ten frames or more, a segment is the mean of successive ones.

ten = segments(p).reshape(10, 7)
figure, (above, below) = plt.subplots(2, 1, figsize=(9, 4))
for axis, rows, name in ((above, p, "frames"), (below, ten, "segments")):
    axis.imshow(rows.T, aspect="auto", cmap="magma", vmin=0, vmax=1)
    axis.set_yticks(range(7), emonets.EMOTIONS, fontsize=7)
    axis.set_xlabel(name)
figure.tight_layout()
assert np.allclose(ten.sum(axis=1), 1)
