"""The times of a clip's pictures: strictly increasing seconds."""

from __future__ import annotations

MAX_BACK = 1.0
"""A step back by more than this (s) is a clock that starts anew, not a frame out of order."""

MAX_SHOWN = 600.0
"""No picture is shown longer than this (s) by its own duration."""

_MIN_STEP = 1e-5
"""No clip has 100,000 frames a second; a duration below this (s) counts as none."""


class FrameClock:
    """Gives each frame its time in seconds since the clip's start.

    Times come from the stream's time stamps, never from counting. `emonets.media.timeline` has
    corrected those of the packets. Where those of the decoded frames still fail:

    - a frame without one follows its predecessor by that frame's duration;
    - a repeated or slightly earlier one (up to `MAX_BACK`) has no time of its own: the frame
      is to be dropped;
    - after a larger step back the stamps count from somewhere else: the frame follows its
      predecessor, and later ones keep their distance to it.

    Parameters
    ----------
    step : the nominal duration of a frame in seconds, until a frame has its own.
    """

    def __init__(self, step: float) -> None:
        self._step = step if _MIN_STEP < step < MAX_SHOWN else 1 / 25
        self._last: float | None = None
        self._shift = 0.0
        self.back: tuple[float, float] | None = None
        """The first step back by which the clock was moved: from and to, seconds."""

    @property
    def end(self) -> float:
        """Where the last frame ends, in seconds; 0 before the first."""
        return 0.0 if self._last is None else self._last + self._step

    @property
    def last(self) -> float:
        """The time of the last frame, in seconds; 0 before the first."""
        return self._last or 0.0

    def tick(self, stamp: float | None, duration: float = 0.0) -> float | None:
        """Return the time of the next frame, or None if the frame is to be dropped.

        Parameters
        ----------
        stamp : the frame's own time in seconds since the clip's start, or None if it has none.
        duration : how long the frame is shown, in seconds; 0 if unknown.
        """
        last = self._last
        if last is None:
            time = max(stamp, 0.0) if stamp is not None else 0.0
        elif stamp is None:
            time = last + self._step
        else:
            time = stamp + self._shift
            if time < last - MAX_BACK:
                self.back = self.back or (last, time)
                self._shift += last + self._step - time
                time = last + self._step
            elif time <= last:
                return None
            elif duration <= _MIN_STEP:
                self._step = max(time - last, _MIN_STEP)
        if _MIN_STEP < duration < MAX_SHOWN:
            self._step = duration
        self._last = time
        return time
