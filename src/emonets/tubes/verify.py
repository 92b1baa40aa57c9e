"""Whether a tube still follows the same person, and where another one begins.

Boxes go on when a tile of a video call changes to another person, or when one person takes
another's place. Embeddings of the face show it. They are computed for one frame a second, and on
both sides of a doubtful frame: the face's edges change suddenly, the face was lost and found, or
other faces overlapped it. The instant of a change is then searched between two such frames.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.tubes.colours import colour_shares
from emonets.tubes.gaps import histogram_correlation, sample_grid
from emonets.tubes.neighbourhood import cut_crop
from emonets.tubes.recognition import FaceEmbedder, distance
from emonets.tubes.registration import TUBE_SIZE
from emonets.tubes.track import Entry, Track

STEP = 1.0
"""Seconds between checks of a face without doubt."""
SUDDEN = 0.8
"""Correlation of a face's edges with those in the frame before, below which it is doubtful.

Of four actors 1 % of frames 1/30 s apart have less; of two persons all pairs do (at most 0.74).
"""
SUDDEN_COLOURS = 0.95
"""Correlation of a face's colours with those in the frame before, below which it is doubtful."""
CUT = 0.6
"""With less, and colours that correlate less than ``CUT_COLOURS``, there is a cut in the tile."""
CUT_COLOURS = 0.9
CUT_TIME = 0.1
"""Seconds within which faces never change as much by themselves."""
FADE_TIME, FADE_REST = 0.4, 0.3
"""Seconds over which a slow change is found, and after which it is over."""
FADE_EDGES, FADE_COLOURS = 0.75, 0.97
"""Correlations of edges and colours below which it is examined whether a face fades."""
FADE_REST_POWER = 0.12
"""Largest part of the change that a mixture of the first and the last picture leaves over."""
RUN_TIME = 0.15
"""Seconds between sudden changes that belong together."""
OVERLAP = 0.2
"""Of two boxes, from which on neither shows one person only."""
OTHER = 0.34
"""Distance of embeddings above which a doubtful frame begins another person."""
OTHER_SLOWLY = 0.42
"""The same where the colours have changed since (``CUT_COLOURS``) without a doubtful frame."""
OTHER_UNASKED = 0.6
"""The same with neither: an expression changes a face by up to 0.58."""
ANCHORS = 6
"""Embeddings that are kept of a person for comparison."""
_NEAR = (0, 2, 5)
"""Frames from a place at which a sure embedding is tried."""
_LOOK, _INNER = 20, 2


def look_of(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Edges (20, 20) of a face, from a picture (h, w, 3) uint8 RGB of it."""
    grey = cv2.cvtColor(
        cv2.resize(samples, (_LOOK, _LOOK), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
    ).astype(np.float32)
    edges = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return np.asarray(edges, np.float32)


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Correlation -1..1 of two results of :func:`look_of`, at the best shift by a tenth."""
    inner = a[_INNER:-_INNER, _INNER:-_INNER]
    if inner.std() < 0.5 or b.std() < 0.5:  # a face without edges: no statement
        return 1.0
    return float(np.nan_to_num(cv2.matchTemplate(b, inner, cv2.TM_CCOEFF_NORMED)).max())


def mark_doubt(
    track: Track, new: Entry, image: NDArray[np.uint8], samples: NDArray[np.uint8], *, lost: bool
) -> None:
    """Note whether another person may begin with a detection that a tube is to go on with.

    Parameters
    ----------
    image : the frame (h, w, 3) uint8 RGB. samples : the content of the detection's box.
    lost : whether the face was missed in frames before.
    """
    look, colours = look_of(samples), colour_shares(samples)
    last, sudden = track.last, False
    if track.looks:
        _, before, tint = track.looks[-1]
        alike = likeness(before, look)
        tone = float(histogram_correlation(tint, colours))
        if alike < SUDDEN or tone < SUDDEN_COLOURS:
            # a box that jumps changes its content, too: what is where the face was?
            there = sample_grid(image, last.box)
            alike = max(alike, likeness(before, look_of(there)))
            tone = max(tone, float(histogram_correlation(tint, colour_shares(there))))
        sudden = alike < SUDDEN or tone < SUDDEN_COLOURS
        if sudden:
            near = new.time - last.time <= CUT_TIME and new.clear and last.clear
            new.cut = near and alike < CUT and tone < CUT_COLOURS
            _mark_run(track, new)
        else:
            _mark_fade(track, new, look, colours)
    new.doubt |= lost or sudden or (new.clear and not last.clear)
    track.looks.append((new.time, look, colours))
    while len(track.looks) > 1 and track.looks[1][0] <= new.time - FADE_TIME:
        track.looks.popleft()


def _mark_run(track: Track, new: Entry) -> None:
    """One sudden change may follow another: then no frame between them shows who it is."""
    if new.cut:
        track.unsettled = None
    elif track.unsettled is not None or new.time - track.doubted <= RUN_TIME:
        for entry in reversed(track.entries):
            if entry.time < track.doubted:
                break
            entry.settled = False
        track.unsettled = max(new.time + RUN_TIME, track.unsettled or 0.0)
        new.settled = False
    track.doubted = new.time
    track.looks.clear()


def _mark_fade(
    track: Track, new: Entry, look: NDArray[np.float32], colours: NDArray[np.float64]
) -> None:
    """While a face may be fading into another, no frame shows who it is."""
    if track.unsettled is not None and new.time > track.unsettled:
        track.unsettled, new.doubt = None, True
        track.looks.clear()
        return
    begin, before, tint = track.looks[0]
    if track.unsettled is None and likeness(before, look) < FADE_EDGES:
        alike = histogram_correlation(tint, colours)
        if alike < FADE_COLOURS and _is_fade(track, new, begin):
            track.unsettled = new.time + FADE_REST
            for entry in reversed(track.entries):
                if entry.time <= begin:
                    break
                entry.settled = False
    new.settled = track.unsettled is None


def _is_fade(track: Track, new: Entry, begin: float) -> bool:
    """Whether some picture since ``begin`` is a mixture of the first and the last one.

    In a moving face none is.
    """
    since = [e for e in track.entries if e.time >= begin - 1e-6]
    if len(since) < 2:
        return False
    box = since[0].box
    first, *between, last = (
        cv2.cvtColor(
            cut_crop(e.kept, box / np.tile(e.factor, 2), _LOOK), cv2.COLOR_RGB2GRAY
        ).astype(np.float64)
        for e in (*since, new)
    )
    change = last - first
    power = float((change * change).sum())
    for picture in between:
        share = float(((picture - first) * change).sum()) / max(power, 1.0)
        rest = picture - first - share * change
        if 0.2 <= share <= 0.8 and float((rest * rest).sum()) <= FADE_REST_POWER * power:
            return True
    return False


def _open_changes(entries: list[Entry], begin: int, *, last: bool) -> None:
    """Let the middle of a change that lasted count: another person may have been there shortly.

    And the end of a change that no entry follows.
    """
    if last and entries and not entries[-1].settled:
        entries[-1].settled = entries[-1].doubt = True
    for i in range(max(begin, 1), len(entries)):
        if not entries[i].settled or not entries[i].doubt:
            continue
        first = i
        while first and not entries[first - 1].settled:
            first -= 1
        if i - first >= 4:
            middle = entries[(first + i) // 2]
            middle.settled = middle.doubt = True


class Verifier:
    """Checks tubes, one at a time.

    Parameters
    ----------
    embedder : of the faces; made when the first face is checked, by default.
    """

    def __init__(self, embedder: FaceEmbedder | None = None) -> None:
        self._embedder = embedder

    def due(self, track: Track) -> bool:
        """Whether enough entries are unchecked."""
        if track.checked >= len(track.entries):
            return False
        return track.last.time - track.entries[track.checked].time >= STEP

    def check(self, track: Track, *, last: bool = False) -> list[int]:
        """Numbers of the entries at which another person begins, rising.

        Parameters
        ----------
        last : whether no entry follows. If not, the decision on a doubtful entry at the end may
            wait for the next check.
        """
        begins: list[int] = []
        entries = track.entries
        wait = len(entries)
        _open_changes(entries, track.checked, last=last)
        for i in self._probes(track):
            for cut in [k for k in range(track.same + 1, i + 1) if entries[k].cut]:
                begins.append(cut)
                entries[cut].cut = False  # done
                track.anchors, track.same, track.tint = [], cut - 1, None
            between = range(track.same + 1, i + 1)
            if not self._is_sure(entries[i]):
                continue
            limit = self._limit(track, i)
            own = self._embedding(entries[i])
            if min((distance(own, a) for a in track.anchors), default=0.0) <= limit:
                self._accept(track, i)
                continue
            after = [i, *self._more(entries, i, 1, 2)]
            if len(after) < 2 and not last and i >= len(entries) - _NEAR[-1] - 1:
                wait = next((k for k in between if entries[k].doubt), i)
                break
            self._add_anchors(track)
            new = [self._embedding(entries[k]) for k in after]
            if distance(np.mean(new, axis=0), np.mean(track.anchors[-3:], axis=0)) > limit:
                begins.append(self._locate(track, i, np.mean(new, axis=0)))
                track.anchors, track.same = new[:1], i
                for k in after:
                    self._accept(track, k)
        if last and not track.anchors:
            self._best_of(entries)
        track.checked = wait
        if wait < len(entries):  # it is tried again at the next check
            track.sampled = entries[wait].time - STEP
        elif entries:
            track.sampled = entries[-1].time
        return begins

    def _add_anchors(self, track: Track) -> None:
        """Embed entries before the latest one of a person, where few are embedded."""
        if track.same >= 0:
            for k in self._more(track.entries, track.same, -1, 3 - len(track.anchors)):
                track.anchors.insert(0, self._embedding(track.entries[k]))

    def _limit(self, track: Track, i: int) -> float:
        """The distance from which on an entry shows another person than the latest sure one."""
        if any(entry.doubt for entry in track.entries[track.same + 1 : i + 1]):
            return OTHER
        if track.tint is not None:
            alike = histogram_correlation(track.tint, colour_shares(self._crop(track.entries[i])))
            if alike < CUT_COLOURS:
                return OTHER_SLOWLY
        return OTHER_UNASKED

    def _probes(self, track: Track) -> Iterator[int]:
        """The entries to embed, rising: at doubts both sides, else one a second."""
        entries = track.entries
        usable = [i for i, e in enumerate(entries) if e.usable]
        found: set[int] = set()
        for i in range(track.checked, len(entries)):
            if entries[i].doubt:
                found.update(self._sides(entries, usable, i))
            if entries[i].cut:
                found.add(i)
        due = -np.inf if track.same < 0 and not track.anchors else track.sampled + STEP
        for i in usable:
            if i >= track.checked and entries[i].time >= due:
                found.update(self._first_sure(entries, usable, i, 1))
                due = entries[i].time + STEP
        if usable and usable[-1] >= track.checked and track.sampled == -np.inf:
            found.update(self._first_sure(entries, usable, usable[-1], -1))
        yield from sorted(i for i in found if i > track.same)

    def _sides(self, entries: list[Entry], usable: list[int], doubt: int) -> Iterator[int]:
        """A sure entry before a doubtful one and one from it on, as far as there are."""
        before = [i for i in usable if i < doubt]
        after = [i for i in usable if i >= doubt]
        if before:
            yield from self._first_sure(entries, usable, before[-1], -1)
        if after:
            yield from self._first_sure(entries, usable, after[0], 1)

    def _first_sure(
        self, entries: list[Entry], usable: list[int], start: int, step: int
    ) -> Iterator[int]:
        at = usable.index(start)
        for near in _NEAR:
            k = at + step * near
            if not 0 <= k < len(usable):
                break
            low, high = sorted((start, usable[k]))
            if any(entries[j].doubt for j in range(low + 1, high + 1)):
                break
            if self._is_sure(entries[usable[k]]):
                yield usable[k]
                break

    def _more(self, entries: list[Entry], start: int, step: int, count: int) -> list[int]:
        """Further sure entries beside one, none beyond a doubtful frame."""
        found: list[int] = []
        k = start
        for _ in range(8):
            k += step
            if not 0 <= k < len(entries) or len(found) >= count:
                break
            if entries[k if step > 0 else k + 1].doubt:
                break
            usable = k % 2 == start % 2 and entries[k].usable
            if usable and self._is_sure(entries[k]):
                found.append(k)
        return found

    def _locate(self, track: Track, i: int, new: NDArray[np.floating]) -> int:
        """The entry, after the last sure one of a person and up to i, where another begins."""
        entries, low = track.entries, track.same + 1
        if low >= i:
            return i
        looks = [look_of(self._crop(entries[k])) for k in range(max(low - 1, 0), i + 1)]
        like = {
            k: likeness(looks[k - max(low - 1, 0) - 1], looks[k - max(low - 1, 0)])
            for k in range(max(low, 1), i + 1)
        }
        sudden = min(like, key=lambda k: like[k])
        if like[sudden] < SUDDEN:
            return sudden
        old, high = np.mean(track.anchors, axis=0), i
        while low < high:  # the first entry that is nearer to the new person
            middle = (low + high) // 2
            own = self._embedding(entries[middle])
            if distance(own, new) < distance(own, old):
                high = middle
            else:
                low = middle + 1
        around = [k for k in range(low - 2, low + 3) if k in like]
        return min(around, key=lambda k: (like[k], abs(k - low))) if around else low

    def _accept(self, track: Track, i: int) -> None:
        track.anchors = [*track.anchors, self._embedding(track.entries[i])][-ANCHORS:]
        track.same = i
        track.tint = colour_shares(self._crop(track.entries[i]))

    def _best_of(self, entries: list[Entry]) -> None:
        """Embed two entries of a tube of which none is sure: better than none."""
        found = [e for e in entries if e.detected] or entries
        for entry in {
            id(e): e for e in (found[len(found) // 3], found[2 * len(found) // 3])
        }.values():
            self._embedding(entry)

    def _is_sure(self, entry: Entry) -> bool:
        self._embedding(entry)
        return entry.sure

    def _embedding(self, entry: Entry) -> NDArray[np.float32]:
        if entry.embedding is None:
            if self._embedder is None:
                self._embedder = FaceEmbedder()
            side = float(np.ptp(entry.own_box[::2]))
            entry.embedding, entry.sure = self._embedder.embed(self._crop(entry), side)
        return entry.embedding

    def _crop(self, entry: Entry) -> NDArray[np.uint8]:
        return cut_crop(entry.kept, entry.own_box, TUBE_SIZE)
