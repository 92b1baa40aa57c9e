"""What networks were trained on, as data: which clips, and how to recognise them again.

- `prints`: what identifies a clip, taken from it in one pass: content, sound, pictures, still.
- `sound`, `pictures`, `stills`: fingerprints that survive re-encoding; the first two trimming, too.
- `words`: where fingerprints of many clips agree with that of one.
- `corpus`: what a bundle keeps of the clips that a network was trained on.
- `seen`: which clips of labelled data were trained on, and which are of groups that were.

Names decide nothing. A clip is known by its content or by a fingerprint. A group is known by one of
its clips.
"""
