"""One clock for the pictures and the sound of a file.

Packets keep the times that the file gives them. Where these jump, both streams get one correction,
so that they stay in step. Three kinds of jumps are told apart:

- A pause: nothing was recorded for a while, perhaps for hours. It is kept.
- A join: the clock of the whole file starts anew, as in transport streams that were put one behind
  the other. What follows goes behind what came before.
- A broken time stamp: one stream leaves the clock that the other one keeps. It is put back.

The packets behind a jump are read ahead until the other stream shows which of these it is.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from emonets.media.stamps import Course, Stamp

MAX_STEP = 600.0
"""A longer step forward (s) is a pause only if the header and the other stream agree."""

PAUSE = 10.0
"""A longer step forward (s) is examined; shorter ones are taken as they are."""

SKEW = 5.0
"""Packets of two streams that lie side by side in a file are no further apart (s)."""

MAX_AHEAD = 3000
"""So many packets are read ahead at most."""

_MAX_AHEAD_BYTES = 64 * 2**20
_BEYOND = 1.0
"""A header may state a clip's duration too short by so much (s)."""
_PADDING = 0.06
"""Codecs fill the end of their sound up, and begin it early, by so much at most (s)."""
_WITHOUT = 32
"""After so many packets without a time of decoding a stream has none."""
_BESIDE = 0.25
"""A packet that is this near (s) behind another one is its successor on the same clock."""
_IN_STEP = 1.0
"""Streams side by side that differ by less (s) show no pause."""
_FURTHER = 4
"""So many packets of another stream show that it goes on; fewer may only lie late in the file."""


@dataclass(slots=True)
class _Ahead:
    """What the packets behind a jump show."""

    agree: bool = False
    """Another stream goes where the jump goes."""
    against: bool = False
    """Another stream goes on as before."""
    first: dict[int, float] = field(default_factory=dict)
    """When each stream shows its first packet on the new clock, by that clock."""


class Timeline:
    """Puts the packets of a file on one clock.

    Parameters
    ----------
    streams : the index of each stream that is present, and "pictures" or "sound".
    stated : the clip's duration by its header, seconds; None: not stated, or only estimated.
    about : that, or an estimate by the last packets; None: unknown.
    back : a step back by more than this (s) is no mere disorder.
    wrap : seconds after which the file's clock starts at 0 again; None: never.
    spliced : takes the place of a packet before a jump, and that of the packet behind it.
        Returns whether the file itself shows that two files were joined between them; None: it
        cannot show that.
    midway : reading did not begin at the beginning: the first packets may be late.
    warn : takes a kind of correction, its numbers, the time at which the clip goes on, and whether
        a time stamp is broken.
    """

    def __init__(
        self,
        streams: dict[int, str],
        *,
        stated: float | None = None,
        about: float | None = None,
        back: float = 1.0,
        wrap: float | None = None,
        spliced: Callable[[int | None, int | None], bool | None] = lambda _before, _behind: None,
        midway: bool = False,
        warn: Callable[[str, str, float, bool], None] = lambda *_: None,
    ) -> None:
        self._streams = {index: Course(name) for index, name in streams.items()}
        self._stated = stated
        self._about = about
        self.put_back: list[float] = []
        """Seconds by which streams were moved to undo broken time stamps."""
        self.seams: list[float] = []
        """Seconds at which each stream ended and went on where the file's clock started anew."""
        self._back = back
        self._wrap = wrap
        self._spliced = spliced
        self._midway = midway
        self._warn = warn
        self._joined: int | None = None
        """The stream that showed the latest correction of all streams."""

    def follow(self, stamps: Iterable[Stamp]) -> Iterator[Stamp]:
        """Yield the same packets in the same order, each with its ``shift``."""
        source = iter(stamps)
        ahead: deque[Stamp] = deque()
        while True:
            if not ahead:
                item = next(source, None)
                if item is None:
                    return
                ahead.append(item)
            item = ahead.popleft()
            stream = self._streams[item.stream]
            if item.due is None:
                # before a decoder's delay is known; some containers never state more than this
                stream.without += 1
                if stream.without > _WITHOUT:
                    item.due = item.shown
            if item.due is None:
                item.shift = item.shown_shift = stream.shift
            else:
                raw = self._unwrapped(stream, item.due)
                shift = self._plain(item.stream, raw)
                if shift is None:
                    shift = self._examined(item, raw, ahead, source)
                shown = self._shown(item, raw)
                self._put(item, raw, shown, shift)
            yield item

    # --- steps that need no examination ------------------------------------------------------

    def _unwrapped(self, stream: Course, due: float, raw: float | None = None) -> float:
        """The time of the packet behind ``raw`` in a clock that does not start at 0 again."""
        if self._wrap is None:
            return due
        before = stream.raw if raw is None else raw
        half = self._wrap / 2
        if abs(due - before) <= half:
            return due
        return before + (due - before + half) % self._wrap - half

    def _others(self, index: int) -> Iterator[Course]:
        return (s for i, s in self._streams.items() if i != index and s.begun)

    def _plain(self, index: int, raw: float) -> float | None:
        """The shift of a packet, or None where its time is to be examined."""
        stream = self._streams[index]
        shift = self._joined_shift(stream, raw)
        if shift != stream.shift:
            return shift
        time = raw + shift
        if not stream.begun:
            plain = self._midway or time <= PAUSE
        else:
            plain = -self._back <= time - stream.last <= PAUSE
        # or the other stream was there all the time
        beside = any(s.last >= time - SKEW for s in self._others(index))
        if plain or (time > stream.last and beside):
            return shift
        if stream.broken and stream.before is not None:
            # after single broken ones the stamps may be right again
            step = raw + stream.before - stream.last
            if -self._back / 4 <= step <= PAUSE:
                return stream.before
        return None

    def _joined_shift(self, stream: Course, raw: float) -> float:
        """The shift of a stream, or that of the other one where it follows a new clock.

        While one stream is on the new clock a packet of the other may be, too, or still be on the
        old one: it lies beside packets of its own time.
        """
        joined = stream if self._joined is None else self._streams[self._joined]
        new, old = raw + joined.shift, raw + stream.shift
        follows = abs(new - joined.last) < abs(old - joined.last)
        if follows and (not stream.begun or new >= stream.last - SKEW):
            return joined.shift
        return stream.shift

    def _within(self, time: float) -> bool | None:
        """Whether the header's duration includes a time; None: it states nothing."""
        if self._stated is None:
            return None
        return time <= self._stated + _BEYOND

    def _put(self, item: Stamp, raw: float, shown: float, shift: float) -> None:
        """Note a packet as the latest of its stream."""
        stream = self._streams[item.stream]
        assert item.due is not None
        before = stream.before
        if shift != stream.shift:
            before = stream.before = stream.shift
            stream.shift = shift
        item.shift = raw - item.due + shift
        # a picture may be shown on the other side of a jump
        shifts = {shift, shift if before is None else before}
        found = min(shifts, key=lambda s: (abs(shown + s - raw - shift), s != shift))
        if item.shown is not None:
            item.shown_shift = shown - item.shown + found
            if found == 0:  # no rounding where nothing is to be done
                item.shown_shift = round(item.shown_shift, 3)
        stream.raw, stream.last, stream.begun = raw, raw + shift, True
        stream.place = item.place
        if shown + found < stream.last + PAUSE:
            stream.show(shown + found, item.duration)

    def _shown(self, item: Stamp, raw: float) -> float:
        """When a packet is shown, by the file's clock; ``raw`` is its time in decoding."""
        if item.shown is None or item.due is None:
            return raw
        late = item.shown - item.due
        if self._wrap is not None and abs(late) > self._wrap / 2:
            late -= math.copysign(self._wrap, late)
        return raw + late

    # --- jumps -------------------------------------------------------------------------------

    def _examined(
        self, item: Stamp, raw: float, ahead: deque[Stamp], source: Iterator[Stamp]
    ) -> float:
        """The shift of a packet behind a jump."""
        stream = self._streams[item.stream]
        time = raw + stream.shift
        step = time - stream.last
        found = self._look(item, raw, ahead, source)
        fits = step > 0 and not found.agree and self._fits(item.stream, time)
        found.against |= fits
        if step > 0:
            joined = self._spliced(self._place_before(), item.place)
            if self._is_pause(time, step, found, joined):
                return stream.shift
        numbers = f"from {stream.last:.2f} to {time:.2f} s"
        if found.against:
            target = stream.last + stream.step if fits else self._beside(item.stream)
            self.put_back.append(target - time)
            stream.broken = True
            self._warn(
                f"a time stamp of the {stream.name} is broken and was not followed",
                f"it goes {numbers}, unlike the other stream",
                target,
                True,
            )
            return target - raw
        shift = self._behind(item, raw, found)
        stream.broken = step > 0 and self._wrap is None
        if step > 0:
            self.put_back.append(raw + shift - time)
        self.seams += [raw + shift, *(s.last for s in self._streams.values())]
        kind = "the clock of the file starts anew, and what follows was put behind"
        if stream.broken:
            kind = "a time stamp is broken and was not followed"
        self._warn(kind, f"it goes {numbers}", raw + shift, stream.broken)
        self._joined = item.stream
        return shift

    def _fits(self, index: int, time: float) -> bool:
        """Whether the streams would end together if a step forward were none.

        So it is where one stream has run on to its end, in a file that is in order of time, and
        what is left of the other is as long as what that one has in advance.
        """
        stream = self._streams[index]
        end = max((s.end for s in self._others(index)), default=0.0)
        if self._about is None or end < stream.end + _IN_STEP:
            return False
        return bool(abs(stream.end + self._about - time - end) <= _IN_STEP)

    def _is_pause(self, time: float, step: float, found: _Ahead, joined: bool | None) -> bool:
        """Whether a step forward is one in time, too."""
        if joined is not None:  # the file shows it, although its header states no duration
            return not (joined or found.against)
        within = self._within(time)
        if found.against:
            return False
        if within is None:
            return found.agree or step <= MAX_STEP
        return within or step <= MAX_STEP

    def _place_before(self) -> int | None:
        places = [s.place for s in self._streams.values() if s.place is not None]
        return max(places, default=None)

    def _beside(self, index: int) -> float:
        """Where a stream goes on whose own clock is broken: where the other one is."""
        stream = self._streams[index]
        due = stream.last + stream.step
        beside = max((s.last for s in self._others(index)), default=due)
        return due if beside - due < _IN_STEP else beside

    def _behind(self, item: Stamp, raw: float, found: _Ahead) -> float:
        """The least shift that puts a new clock behind all that came before."""
        first = {item.stream: self._shown(item, raw)} | found.first
        begin = min(first.values())
        shifts: dict[str, float] = {}
        for index, other in self._streams.items():
            if other.begun:
                shifts[other.name] = other.end - first.get(index, begin)
        most = max(shifts.values(), default=-begin)
        pictures = shifts.get("pictures")
        return most if pictures is None or most > pictures + _PADDING else pictures

    def _look(
        self, item: Stamp, raw: float, ahead: deque[Stamp], source: Iterator[Stamp]
    ) -> _Ahead:
        """Read on until the other streams show whether they follow a jump."""
        found = _Ahead()
        stream = self._streams[item.stream]
        time = raw + stream.shift
        forward = time > stream.last
        new = raw  # the latest of this stream on the new clock
        start = {i: s.last for i, s in self._streams.items()}
        was = {i: s.raw for i, s in self._streams.items()}
        further = dict.fromkeys(self._streams, 0)
        undecided = self._streams.keys() - {item.stream}
        # a stream that was elsewhere may follow a jump, but is no evidence against it
        beside = {
            i for i, s in self._streams.items()
            if not (forward and s.begun) or abs(s.last - stream.last) < 2 * SKEW
        }  # fmt: skip
        for packet in self._onward(ahead, source):
            if not undecided:
                break
            if packet.due is None:
                continue
            index = packet.stream
            other = self._streams[index]
            due = self._unwrapped(other, packet.due, was[index])
            if index == item.stream:
                if abs(due - new) <= SKEW + PAUSE:
                    new = max(new, due)
                continue
            old = due + other.shift
            if forward and old >= time - SKEW:
                follows = True
            else:
                follows = not 0 <= due - was[index] <= _BESIDE and (
                    abs(due - new) < abs(old - max(stream.last, other.last))
                )
            if follows:
                if index in undecided:
                    found.agree = True
                    found.first[index] = self._shown(packet, due)
                    undecided.discard(index)
                continue
            was[index] = due
            further[index] += 1
            if abs(old - other.last) <= PAUSE:
                # still what came before: it moves the place at which a new clock may begin
                other.show(self._shown(packet, due) + other.shift, packet.duration)
            if index in undecided & beside and old > max(start[index], stream.last) + SKEW:
                found.against = True
                undecided.discard(index)
        # the file may end before the other stream is far enough
        found.against |= any(further[index] >= _FURTHER for index in undecided & beside)
        return found

    @staticmethod
    def _onward(ahead: deque[Stamp], source: Iterator[Stamp]) -> Iterator[Stamp]:
        """The packets that were read ahead, and then further ones, which are kept."""
        size = 0
        for count in range(MAX_AHEAD):
            if count >= len(ahead):
                packet = next(source, None)
                if packet is None:
                    return
                ahead.append(packet)
            packet = ahead[count]
            size += packet.size
            yield packet
            if size > _MAX_AHEAD_BYTES:
                return
