"""The paper's feature plan: 29 features, 909 numbers a frame, and what each is computed from.

A `Block` holds some frames and computes spectra, powers and whatever else several features share
when the first of them needs it. So a feature outside the plan costs nothing, and one inside costs
what it does not share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError
from emonets.specialists.audio.features import (
    bands,
    envelope,
    perceptual,
    prediction,
    spectral,
    temporal,
)

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

DELTA_CEPSTRA = 13
"""Mel cepstral coefficients that are followed over time."""


class Block:
    """Frames that are computed together, and what their features share, each made once.

    Parameters
    ----------
    frames : (t, 1248) samples.
    before : the block that ends where this one starts, of two frames at least; None at the start.
    """

    def __init__(self, frames: Floats, before: Block | None = None) -> None:
        self.frames = frames
        self._before = before

    @cached_property
    def spectra(self) -> Complexes:
        return spectral.spectrum(self.frames)

    @cached_property
    def magnitudes(self) -> Floats:
        return spectral.magnitude_spectrum(self.spectra)

    @cached_property
    def powers(self) -> Floats:
        return self.magnitudes**2

    @cached_property
    def mel(self) -> Floats:
        return bands.mel_spectrum(self.magnitudes)

    @cached_property
    def cepstra(self) -> Floats:
        return bands.mfcc(self.mel)

    @cached_property
    def loudness(self) -> Floats:
        return perceptual.loudness(self.powers)

    @cached_property
    def octaves(self) -> Floats:
        return bands.obsi(self.powers)

    @cached_property
    def envelope(self) -> Floats:
        return envelope.envelope(self.frames)

    @cached_property
    def autocorrelation(self) -> Floats:
        return temporal.autocorrelation(self.frames)

    @property
    def magnitudes_before(self) -> Floats | None:
        return None if self._before is None else self._before.magnitudes[-1]

    @property
    def spectra_before(self) -> Complexes | None:
        return None if self._before is None else self._before.spectra[-2:]

    def forget_before(self) -> None:
        """Let go of the block before, once all features are computed."""
        self._before = None


@dataclass(frozen=True)
class Feature:
    """One feature of the plan."""

    size: int
    """Numbers a frame."""
    compute: Callable[[Block], Floats]
    """(t, size) of a block of t frames; of a derivative, what is to be derived."""
    derivative: int = 0
    """1 or 2 where the feature is a derivative over time."""


PLAN: Mapping[str, Feature] = MappingProxyType({
    "AmplitudeModulation": Feature(8, lambda b: envelope.amplitude_modulation(b.envelope)),
    "AutoCorrelation": Feature(49, lambda b: b.autocorrelation),
    "ComplexDomainOnsetDetection": Feature(
        1, lambda b: spectral.complex_domain_onset_detection(b.spectra, b.spectra_before)),
    "Energy": Feature(1, lambda b: temporal.energy(b.frames)),
    "Envelope": Feature(7, lambda b: b.envelope),
    "EnvelopeShapeStatistics": Feature(4, lambda b: temporal.shape_statistics(b.envelope)),
    "LPC": Feature(2, lambda b: prediction.linear_prediction(b.autocorrelation)),
    "LSF": Feature(10, lambda b: prediction.line_spectral_frequencies(b.autocorrelation)),
    "Loudness": Feature(24, lambda b: b.loudness),
    "MFCC": Feature(22, lambda b: b.cepstra),
    "MFCC_d1": Feature(13, lambda b: b.cepstra[:, :DELTA_CEPSTRA], derivative=1),
    "MFCC_d2": Feature(13, lambda b: b.cepstra[:, :DELTA_CEPSTRA], derivative=2),
    "MagnitudeSpectrum": Feature(625, lambda b: b.magnitudes),
    "MelSpectrum": Feature(40, lambda b: b.mel),
    "OBSI": Feature(10, lambda b: b.octaves),
    "OBSIR": Feature(9, lambda b: bands.obsir(b.octaves)),
    "PerceptualSharpness": Feature(1, lambda b: perceptual.perceptual_sharpness(b.loudness)),
    "PerceptualSpread": Feature(1, lambda b: perceptual.perceptual_spread(b.loudness)),
    "SpectralCrestFactorPerBand": Feature(
        27, lambda b: bands.spectral_crest_factor_per_band(b.powers)),
    "SpectralDecrease": Feature(1, lambda b: spectral.spectral_decrease(b.magnitudes)),
    "SpectralFlatness": Feature(1, lambda b: spectral.spectral_flatness(b.magnitudes)),
    "SpectralFlatnessPerBand": Feature(
        27, lambda b: bands.spectral_flatness_per_band(b.powers)),
    "SpectralFlux": Feature(
        1, lambda b: spectral.spectral_flux(b.magnitudes, b.magnitudes_before)),
    "SpectralRolloff": Feature(1, lambda b: spectral.spectral_rolloff(b.powers)),
    "SpectralShapeStatistics": Feature(4, lambda b: temporal.shape_statistics(b.magnitudes)),
    "SpectralSlope": Feature(1, lambda b: spectral.spectral_slope(b.magnitudes)),
    "SpectralVariation": Feature(
        1, lambda b: spectral.spectral_variation(b.magnitudes, b.magnitudes_before)),
    "TemporalShapeStatistics": Feature(4, lambda b: temporal.shape_statistics(b.frames)),
    "ZCR": Feature(1, lambda b: temporal.zero_crossing_rate(b.frames)),
})  # fmt: skip
"""The 29 features by name, in the order of their columns (ASCII order, as in the authors' data)."""

FEATURES = tuple(PLAN)
"""Names of the 29 features, in the order of their columns."""


def choose(features: Sequence[str] | None) -> dict[str, Feature]:
    """The features of these names (None: all 29), in the order of the plan.

    Raises
    ------
    ParameterError : no names, or one that is not in `FEATURES`.
    """
    if features is None:
        return dict(PLAN)
    names = (features,) if isinstance(features, str) else tuple(features)
    unknown = [name for name in names if name not in PLAN]
    if unknown or not names:
        wrong = f"no such feature: {unknown[0]!r}" if unknown else "no feature is named"
        raise ParameterError(f"features: {wrong}; there are {', '.join(FEATURES)}")
    return {name: feature for name, feature in PLAN.items() if name in names}


def column_names(features: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the columns of these features (None: all 29): "Energy", "MFCC[0]", "MFCC[1]", …

    Raises
    ------
    ParameterError : as `choose`.
    """
    return tuple(
        f"{name}[{i}]" if feature.size > 1 else name
        for name, feature in choose(features).items()
        for i in range(feature.size)
    )


YAAFE_NAMES = column_names()
"""Names of the 909 columns."""
