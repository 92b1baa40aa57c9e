"""Waveforms to 909 numbers a frame: one channel at 48 kHz, features, whitening."""

from __future__ import annotations

from emonets.specialists.audio.features.framing import frame_times
from emonets.specialists.audio.features.plan import FEATURES, YAAFE_NAMES, column_names
from emonets.specialists.audio.features.waveform import SOUND_RATE, Resampler, mono, resample
from emonets.specialists.audio.features.whitening import Whitening
from emonets.specialists.audio.features.yaafe import Level, YaafeStream, yaafe_features

__all__ = [
    "FEATURES", "SOUND_RATE", "YAAFE_NAMES", "Level", "Resampler", "Whitening", "YaafeStream",
    "column_names", "frame_times", "mono", "resample", "yaafe_features",
]  # fmt: skip
