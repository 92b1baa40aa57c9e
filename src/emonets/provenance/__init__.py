"""What networks were trained on, as data: which clips, and how to recognise them again.

- `prints`: the identity of a clip, from one pass over it: content, audio, pictures, still.
- `sound`, `pictures`, `stills`: fingerprints that survive re-encoding; the first two also trimming.
- `words`: comparison of one clip's fingerprint with those of many.
- `corpus`: the record of training clips that a bundle keeps.
- `seen`: which clips of labelled data were trained on, and which are of groups that were.

Names are not compared. A clip is recognised by its content or by a fingerprint. A group is
recognised by one of its clips.
"""
