"""The faces of a picture: where they are, and what they show.

python examples/image.py PICTURE
"""

import sys

import emonets

for face in emonets.look(sys.argv[1]):
    x, y, w, h = map(round, face.box)
    print(f"{face.label} ({max(face.probabilities):.0%}) at x={x} y={y}, {w} by {h} pixels")
