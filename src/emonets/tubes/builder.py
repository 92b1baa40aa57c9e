"""Face tubes: the faces of a video, each followed through time (paper 3.1.3).

Frames and their detections go in one after the other; finished pieces of tubes come out. Memory
does not depend on the length of the video: whole frames wait only while a face is lost, at most
``max_gap`` seconds and ``max_waiting`` bytes; of found faces only the surroundings are kept, until
a piece is smoothed and cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError
from emonets.tubes import cuts, gaps
from emonets.tubes.association import association_costs, match, overlap
from emonets.tubes.colours import colour_shares
from emonets.tubes.filling import extended, filled
from emonets.tubes.neighbourhood import content_box, cut_crop, neighbourhood
from emonets.tubes.recognition import WIDTH
from emonets.tubes.smoothing import smooth_boxes
from emonets.tubes.track import Entry, Track, Waiting
from emonets.tubes.tube import FaceTube, HasBoxes, TubeOptions, usable_boxes
from emonets.tubes.verify import OVERLAP, Verifier, look_of, mark_doubt

if TYPE_CHECKING:
    from emonets.media.clip import Frame

Floats = NDArray[np.float64]

FLASH = 3
"""Frames within which a picture that comes back after a cut makes it a flash."""


@dataclass(frozen=True, slots=True, eq=False)
class _Paused:
    """The shot before a cut, in case that the cut was a flash."""

    position: int
    """Of its last frame."""
    thumbnail: NDArray[np.uint8]
    tracks: list[Track]


class TubeBuilder:
    """Joins detections to face tubes, one frame at a time.

    Parameters
    ----------
    options : all options at once, or
    verifier : ends a tube where it goes on with another person's face; None: boxes alone decide.
    **changes : single fields of :class:`TubeOptions`, such as ``crop_size=96`` or ``max_gap=0.5``.

    Notes
    -----
    A tube goes on with the box that optimal one-to-one matching gives it
    (:mod:`emonets.tubes.association`) and never beyond a scene cut or a step back in time. Where
    the frames' size changes and the picture stays, it goes on. Once a lost face is found again,
    frames on which the detector did not run are interpolated, and in frames in which it missed the
    face the neighbourhood of the temporally nearest box is searched for the face's colours; where
    they are not found the frame is left out. Frames without detector before a tube's first and
    after its last detection are searched alike. A picture that comes back within three frames after
    a cut makes it a flash, over which tubes go on; the burnt-out frames are left out of them.

    Images must not be changed after they were added. Numbers of tubes are given when a tube has
    ``min_frames`` frames, the older of two first.
    """

    def __init__(
        self,
        options: TubeOptions | None = None,
        *,
        verifier: Verifier | None = None,
        **changes: Any,
    ) -> None:
        if options is not None and changes:
            raise ParameterError("give either options or single fields of TubeOptions, not both")
        try:
            self.options = options or TubeOptions(**changes)
        except TypeError as error:
            raise ParameterError(f"TubeBuilder: {error}; see TubeOptions for the names") from None
        self._verifier = verifier
        self._least = self.options.min_correlation
        self._tracks: list[Track] = []
        self._waiting: deque[Waiting] = deque()
        self._position = -1
        self._searched = 0
        self._last_searched = -1
        self._numbers = 0
        self._previous: tuple[tuple[int, ...], float, NDArray[np.uint8]] | None = None
        self._paused: _Paused | None = None

    def add(self, frame: Frame, detections: HasBoxes | None) -> list[FaceTube]:
        """Take the next frame of the video.

        Parameters
        ----------
        frame : its index, time (seconds) and image (h, w, 3) uint8 RGB.
        detections : the boxes found in it, or None if no detector was run on it. Boxes of less than
            a pixel, of eight times the frame, with NaN, or outside the frame are ignored.

        Returns
        -------
        The pieces of tubes that this frame finished, mostly none.

        Raises
        ------
        DataError : the image, the time or the detections are invalid; the builder is then
            unchanged.
        """
        image, time = frame.image, float(frame.time)
        if not np.isfinite(time):
            raise DataError(f"frame {frame.index}: its time is {time}, not a number of seconds")
        thumbnail = cuts.shrink(image)
        found = None if detections is None else usable_boxes(detections, frame)
        finished = self._check_cut(image, time, thumbnail)
        self._previous = image.shape, time, thumbnail
        self._position += 1
        now = Waiting(self._position, frame.index, time, image, searched=found is not None)
        if found is not None:
            self._searched += 1
            self._last_searched = self._position
            finished += self._search(now, *found)
        self._wait(now)
        return finished + self._finished_pieces()

    def finish(self) -> list[FaceTube]:
        """End all tubes and return what is left of them. A further ``add`` begins a new shot."""
        finished = self._end_shot()
        self._previous = None
        return finished

    def current(self) -> list[FaceTube]:
        """The faces found in the latest frame, each a tube of one picture, by number.

        This is what is known at once. A box is smoothed by the frames before it alone, so the piece
        that comes later has it otherwise by a pixel or so. Faces without a number are left out.
        """
        seen = [t for t in self._tracks if t.number is not None and not t.missed]
        seen = [t for t in seen if t.entries and t.last.position == self._position]
        return [self._picture(t) for t in sorted(seen, key=lambda t: t.number or 0)]

    def _picture(self, track: Track) -> FaceTube:
        o, entry = self.options, track.last
        recent = track.entries[-1 - o.context :]
        box = smooth_boxes(
            np.stack([e.box for e in recent]), np.array([e.time for e in recent]),
            window=o.window, threshold=o.scale_threshold, method=o.smoothing,
        )[-1:]  # fmt: skip
        return FaceTube(
            track=-1 if track.number is None else track.number,
            index=np.array([entry.index], np.int64),
            times=np.array([entry.time]),
            boxes=box,
            raw_boxes=entry.own_box[None],
            detected=np.array([entry.detected]),
            scores=np.array([entry.score]),
            crops=cut_crop(entry.kept, box[0], o.crop_size)[None],
        )

    @property
    def found(self) -> bool:
        """Whether a tube was finished, or will be."""
        return self._numbers > 0

    def waiting_bytes(self) -> int:
        """Bytes of the frames and faces held at the moment."""
        frames = sum(waiting.image.nbytes for waiting in self._waiting)
        paused = self._paused.tracks if self._paused is not None else []
        return frames + sum(track.kept_bytes for track in (*self._tracks, *paused))

    def _check_cut(
        self, image: NDArray[np.uint8], time: float, thumbnail: NDArray[np.uint8]
    ) -> list[FaceTube]:
        """End the shot if the frame begins another; after a flash continue the one before."""
        if self._previous is None:
            return []
        shape, previous_time, previous = self._previous
        cut = cuts.is_cut(previous, thumbnail)
        if time < previous_time or (cut and shape != image.shape):
            return self._end_shot()
        if shape != image.shape:
            return self._resize(image.shape[1] / shape[1], image.shape[0] / shape[0])
        paused = self._paused
        if paused is not None and cut and not cuts.is_cut(paused.thumbnail, thumbnail):
            finished = self._close(self._tracks)
            self._tracks, self._paused = paused.tracks, None
            self._waiting.clear()
            return finished
        finished = []
        if paused is not None and (cut or self._position >= paused.position + FLASH):
            finished = self._close(paused.tracks)
            self._paused = None
        if cut:
            for track in self._tracks:
                track.grow(extended(track, self._after(track), self._least))
            self._paused = _Paused(self._position, previous, self._tracks)
            self._tracks = []
            self._waiting.clear()
        return finished

    def _resize(self, across: float, down: float) -> list[FaceTube]:
        """Go on in a picture of another size, as video calls change it."""
        finished = [] if self._paused is None else self._close(self._paused.tracks)
        self._paused = None
        for track in self._tracks:
            track.grow(extended(track, self._after(track), self._least))
            track.resize(across, down)
        self._waiting.clear()
        return finished

    def _end_shot(self) -> list[FaceTube]:
        paused = self._paused.tracks if self._paused is not None else []
        finished = self._close(paused) + self._close(self._tracks)
        self._tracks, self._paused = [], None
        self._waiting.clear()
        return finished

    def _after(self, track: Track) -> list[Waiting]:
        return [waiting for waiting in self._waiting if waiting.position > track.last.position]

    def _search(self, now: Waiting, boxes: Floats, scores: Floats) -> list[FaceTube]:
        """A frame on which the detector ran: continue, end and begin tubes."""
        gone = [
            track
            for track in self._tracks
            if track.missed and now.time - track.last.time > self.options.max_gap
        ]
        finished = self._close(gone)
        self._tracks = tracks = [track for track in self._tracks if track not in gone]
        samples = [gaps.sample_grid(now.image, box) for box in boxes]
        colours = [colour_shares(sample) for sample in samples]
        rows, columns = self._match(now, boxes, colours)
        inside = content_box(now.image) if len(boxes) else None
        # where two faces overlap, the colours in a box are not one person's
        shared = overlap(boxes, boxes) - np.eye(len(boxes)) if len(boxes) > 1 else np.zeros((1, 1))
        lost = [track.missed for track in tracks]
        for track in tracks:
            track.missed = True

        def entry(j: int) -> Entry:
            kept = neighbourhood(now.image, boxes[j], within=inside)
            score, clear = float(scores[j]), bool(shared[j].max() < OVERLAP)
            return Entry(
                now.position, now.index, now.time, boxes[j], True, score, kept, clear=clear
            )

        for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
            new = entry(j)
            if self._verifier is not None:
                mark_doubt(tracks[i], new, now.image, samples[j], lost=lost[i])
            self._continue(tracks[i], new, colours[j])
        for j in sorted(set(range(len(boxes))) - set(columns.tolist())):
            track = Track([], latest_colours=colours[j], colours=colours[j])
            if self._verifier is not None:
                track.looks.append((now.time, look_of(samples[j]), colours[j]))
            track.grow([entry(j)])
            track.grow(extended(track, reversed(self._waiting), self._least)[::-1], front=True)
            self._tracks.append(track)
        for track in self._tracks:
            if track.number is None and track.frames >= self.options.min_frames:
                self._give_number(track)
        if self._verifier is not None:
            for track in list(self._tracks):
                if self._verifier.due(track):
                    finished += self._verify(track)
        return finished

    def _verify(self, track: Track, *, last: bool = False) -> list[FaceTube]:
        """End a tube where another person begins; the track goes on with that person."""
        finished: list[FaceTube] = []
        begins = [] if self._verifier is None else self._verifier.check(track, last=last)
        for i, begin in enumerate(begins):
            n = begin - (begins[i - 1] if i else 0)
            earlier = Track([], track.colours, track.colours, number=track.number)
            earlier.before, earlier.frames = track.before, track.frames - len(track.entries)
            earlier.grow(track.take(n))
            track.number, track.before, track.frames = None, [], len(track.entries)
            track.colours = track.latest_colours
            finished += self._finish(earlier)
        if begins and track.frames >= self.options.min_frames:
            self._give_number(track)
        return finished

    def _match(
        self, now: Waiting, boxes: Floats, colours: Sequence[Floats]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        if not self._tracks or len(boxes) == 0:
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        tracks = self._tracks
        likeness = gaps.histogram_correlation(
            np.stack([track.colours for track in tracks])[:, None], np.stack(colours)[None]
        )
        costs = association_costs(
            np.stack([track.last.box for track in tracks]),
            boxes,
            np.array([now.time - track.last.time for track in tracks]),
            predicted=np.stack([track.predict(now.time) for track in tracks]),
            likeness=likeness,
            limits=self.options.limits,
        )
        return match(costs)

    def _continue(self, track: Track, entry: Entry, colours: Floats) -> None:
        """Add a detection to a tube, and what can be filled in since its last one."""
        last = track.last
        track.grow([*filled(track, entry, colours, self._waiting, self._least), entry])
        elapsed = entry.time - last.time
        if elapsed > 0:
            moved = (entry.box - last.box).reshape(2, 2).mean(axis=0) / elapsed
            # detections jitter, so velocity follows slowly
            track.velocity = gaps.interpolate(track.velocity, moved, 0.3)
        track.latest_colours = colours
        if entry.clear:
            track.colours = gaps.interpolate(track.colours, colours, 0.2)
        track.missed = False

    def _close(self, tracks: Sequence[Track]) -> list[FaceTube]:
        finished = []
        for track in sorted(tracks, key=lambda t: t.entries[0].position):
            track.grow(extended(track, self._after(track), self._least))
            finished += self._verify(track, last=True) + self._finish(track)
        return finished

    def _finish(self, track: Track) -> list[FaceTube]:
        """All that is left of a tube; nothing of one that is too short."""
        if track.number is None:
            if track.frames < min(self.options.min_frames, self._searched):
                return []
            self._give_number(track)
        finished = self._full_pieces(track)
        if track.entries:
            finished.append(self._cut_piece(track, len(track.entries)))
        return finished

    def _give_number(self, track: Track) -> None:
        track.number = self._numbers
        self._numbers += 1

    def _wait(self, now: Waiting) -> None:
        """Keep a frame as long as a tube may need it, and no longer."""
        self._waiting.append(now)
        # frames since the detector last ran may belong to a face that it finds next time
        oldest = min((t.last.position for t in self._tracks), default=self._last_searched)
        while self._waiting and self._waiting[0].position <= oldest:
            self._waiting.popleft()
        total = sum(waiting.image.nbytes for waiting in self._waiting)
        while total > self.options.max_waiting:
            total -= self._waiting.popleft().image.nbytes

    def _finished_pieces(self) -> list[FaceTube]:
        finished, context = [], self.options.context
        for track in self._tracks:
            if len(track.entries) >= self.options.piece + context:
                finished += self._verify(track)
            finished += self._full_pieces(track)
        numbered = [t for t in self._tracks if t.number is not None and len(t.entries) > context]
        numbered.sort(key=lambda t: t.kept_bytes)
        while numbered and sum(t.kept_bytes for t in self._tracks) > self.options.max_kept:
            track = numbered.pop()
            finished += self._verify(track)
            if track.number is not None and len(track.entries) > context:
                finished.append(self._cut_piece(track, len(track.entries) - context))
        return finished

    def _full_pieces(self, track: Track) -> list[FaceTube]:
        finished = []
        least = self.options.piece + self.options.context
        while track.number is not None and len(track.entries) >= least:
            finished.append(self._cut_piece(track, self.options.piece))
        return finished

    def _cut_piece(self, track: Track, n: int) -> FaceTube:
        """The first n entries of a tube as a piece, smoothed with the context on both sides."""
        o = self.options
        entries = track.take(n)
        known = [(e.time, e.box) for e in entries]
        around = [*track.before, *known, *((e.time, e.box) for e in track.entries[: o.context])]
        smooth = smooth_boxes(
            np.stack([box for _, box in around]),
            np.array([time for time, _ in around]),
            window=o.window,
            threshold=o.scale_threshold,
            method=o.smoothing,
        )[len(track.before) :][:n]
        smooth = smooth / np.tile([e.factor for e in entries], 2)
        crops = np.stack(
            [cut_crop(e.kept, b, o.crop_size) for e, b in zip(entries, smooth, strict=True)]
        )
        embedded = [i for i, e in enumerate(entries) if e.embedding is not None]
        earlier = [*track.before, *known]
        track.before = earlier[max(0, len(earlier) - o.context) :]
        own = [entries[i].embedding for i in embedded]
        return FaceTube(
            track=-1 if track.number is None else track.number,
            index=np.array([e.index for e in entries], dtype=np.int64),
            times=np.array([e.time for e in entries]),
            boxes=smooth,
            raw_boxes=np.stack([e.own_box for e in entries]),
            detected=np.array([e.detected for e in entries], dtype=np.bool_),
            scores=np.array([e.score for e in entries]),
            crops=crops,
            embedded=np.array(embedded, dtype=np.int64),
            embeddings=np.array(own, np.float32).reshape(-1, WIDTH),
            sure=np.array([entries[i].sure for i in embedded], dtype=np.bool_),
        )
