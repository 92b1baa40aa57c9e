"""Who speaks: the decision, the grid of times, the audio's bands, and two real clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from emonets.errors import BundleError
from emonets.media.clip import SOUND_RATE, SoundChunk, open_clip
from emonets.tubes.detect import load_detector
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.registration import FER_LANDMARK_MEAN
from emonets.tubes.tube import FaceTube
from emonets.voices import speakers_network
from emonets.voices.speakers import THRESHOLD, Speakers, SpeakersReader
from emonets.voices.speakers_input import (
    BandReader,
    Bands,
    GridSampler,
    mouth_shapes,
    on_grid,
    thinned,
)
from emonets.voices.speakers_network import SpeakersNetwork, load_network, shapes

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FITS, FITS_NOT = THRESHOLD + 2.0, THRESHOLD - 2.0


@dataclass
class Talk:
    """Speech between some times, in steps of 20 ms."""

    spans: tuple[tuple[float, float], ...]
    length: float = 10.0
    start: float = 0.0
    step: float = 0.02

    def mask(self) -> NDArray[np.bool_]:
        at = self.start + np.arange(round(self.length / self.step)) * self.step
        return np.any([(at >= a - 1e-9) & (at < b - 1e-9) for a, b in self.spans], axis=0)


def features(tracks: dict[int, tuple[float, list[float]]]) -> dict[str, NDArray[np.float64]]:
    """Of each track where it begins, and its score in each second."""
    out: dict[str, list[NDArray[np.float64]]] = {"track": [], "step": [], "score": []}
    for number, (start, scores) in tracks.items():
        n = 25 * len(scores)
        out["track"].append(np.full(n, number))
        out["step"].append(round(start * 25) + np.arange(n))
        out["score"].append(np.repeat(scores, 25))
    return {f"speaker_{key}": np.concatenate(value) for key, value in out.items()}


def test_the_voice_belongs_to_the_face_that_fits_best() -> None:
    found = Speakers.of(
        features({0: (0, [FITS] * 3 + [FITS_NOT] * 3), 4: (0, [FITS_NOT] * 3 + [FITS] * 3)}),
        Talk(((0, 6),)),
    )
    assert found.speaks([0], 0, 2) is True
    assert found.speaks([4], 0, 2) is False
    assert found.speaks([0], 4, 6) is False
    assert found.speaks([4], 4, 6) is True
    assert found.share([0], 0, 6) == pytest.approx(0.5, abs=0.05)
    assert found.share([4], 0, 6) == pytest.approx(0.5, abs=0.05)


def test_a_face_that_fits_less_than_another_is_a_listener() -> None:
    found = Speakers.of(features({0: (0, [FITS] * 3), 1: (0, [FITS + 1] * 3)}), Talk(((0, 3),)))
    assert found.speaks([0], 0, 3) is False
    assert found.speaks([1], 0, 3) is True


def test_a_voice_off_screen_belongs_to_nobody() -> None:
    found = Speakers.of(features({0: (0, [FITS_NOT] * 3)}), Talk(((0, 3),)))
    assert found.speaks([0], 0, 3) is False
    assert found.share([0], 0, 3) == 0.0


def test_nobody_speaks_in_a_pause() -> None:
    found = Speakers.of(features({0: (0, [FITS] * 6)}), Talk(((0, 2), (4, 6))))
    assert found.speaks([0], 2.2, 3.8) is False
    assert found.share([0], 2.2, 3.8) == 0.0
    assert found.share([0], 0, 6) == pytest.approx(4 / 6, abs=0.02)
    # half of the speech of a span, not half of the span
    assert found.speaks([0], 1.6, 3.8) is True


def test_scores_outside_speech_do_not_count() -> None:
    talk = Talk(((0, 1), (2, 3)))
    found = Speakers.of(features({0: (0, [FITS, FITS_NOT, FITS])}), talk)
    assert found.speaks([0], 0, 3) is True


def test_all_tracks_of_a_person_count_and_do_not_compete() -> None:
    one = {0: (0.0, [FITS] * 2), 1: (2.0, [FITS] * 2), 2: (0.0, [FITS + 1] * 4)}
    found = Speakers.of(features(one), Talk(((0, 4),)))
    assert found.speaks([0, 1], 0, 4) is False
    assert found.speaks([0, 1, 2], 0, 4) is True
    assert found.share([0, 1, 2], 0, 4) == 1.0


def test_what_is_not_known_is_none() -> None:
    seen = features({0: (1, [FITS] * 2)})
    found = Speakers.of(seen, Talk(((0, 9),)))
    assert found.speaks([0], 1, 3) is True
    assert found.speaks([0], 5, 7) is None  # no longer visible, and somebody speaks
    assert found.share([0], 5, 7) is None
    assert found.speaks([0], 0, 9) is None  # visible in 2 of 9 seconds
    assert found.speaks([7], 1, 3) is None  # a track without a step of the grid
    without = Speakers.of(seen, None)
    assert without.speaks([0], 1, 3) is None
    assert without.share([0], 1, 3) is None
    empty = Speakers.of({}, Talk(((0, 9),)))
    assert empty.speaks([0], 1, 3) is None


def test_speech_may_begin_late_and_end_early() -> None:
    talk = Talk(((1.0, 2.0),), length=1.0, start=1.0)
    found = Speakers.of(features({0: (0, [FITS] * 4)}), talk)
    assert found.speaks([0], 0, 1) is False
    assert found.speaks([0], 1, 2) is True
    assert found.speaks([0], 3, 4) is False


def test_pieces_come_onto_the_grid_as_the_whole_does() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.02, 0.12, 200))
    times[90:] += 1.0
    values = rng.normal(size=(200, 8)).astype(np.float32)
    steps, whole = on_grid(times, values)
    sampler = GridSampler()
    parts = [sampler.push(times[k : k + 7], values[k : k + 7]) for k in range(0, 200, 7)]
    assert np.array_equal(np.concatenate([s for s, _ in parts]), steps)
    assert np.array_equal(np.concatenate([v for _, v in parts]), whole)
    at = steps / 25
    assert not ((at > times[89] + 1e-6) & (at < times[90] - 1e-6)).any()  # the gap stays empty
    linear = np.interp(at, times, values[:, 3])
    np.testing.assert_allclose(whole[:, 3], linear, atol=1e-5)


@pytest.mark.parametrize(("rate", "known"), [(5, False), (8, True), (25, True), (60, True)])
def test_rates_of_8_to_60_frames_a_second(rate: int, known: bool) -> None:
    times = np.arange(rate * 2) / rate
    chosen = thinned(times, -np.inf)
    assert len(chosen) <= 62
    steps, _ = on_grid(times[chosen], np.zeros((len(chosen), 8), np.float32))
    assert len(steps) == (0 if not known else int(times[chosen][-1] * 25 + 1e-6) + 1)


def test_a_shape_does_not_depend_on_place_size_and_turn() -> None:
    rng = np.random.default_rng(0)
    face = np.concatenate([rng.uniform(0, 48, (17, 2)), FER_LANDMARK_MEAN])[None]
    c, s = np.cos(0.4), np.sin(0.4)
    moved = 0.4 * face @ np.array([[c, s], [-s, c]]) + (30, -4)
    np.testing.assert_allclose(mouth_shapes(face), mouth_shapes(moved), atol=1e-3)
    opened = face.copy()
    opened[:, 65:68, 1] += 5
    assert np.abs(mouth_shapes(opened) - mouth_shapes(face))[0, [0, 3]].max() > 0.5
    assert mouth_shapes(np.zeros((0, 68, 2))).shape == (0, 8)


def test_bands_do_not_depend_on_how_the_sound_is_cut() -> None:
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.05, 3 * SOUND_RATE).astype(np.float32)
    sound[SOUND_RATE : 2 * SOUND_RATE] = 0
    whole, cut = BandReader(), BandReader()
    whole.push(0.5, sound)
    for k in range(0, len(sound), 1001):
        cut.push(0.5 + k / SOUND_RATE, sound[k : k + 1001])
    a, b = whole.finish(), cut.finish()
    assert a.shape == (301, 24)
    assert np.abs(a.astype(int) - b.astype(int)).max() <= 1
    level = a.astype(float).mean(axis=1)
    assert level[110:190].max() < 10
    assert min(level[10:90].min(), level[210:290].min()) > 60
    bands = Bands(a, 0.5).at(0, 100)
    assert bands.shape == (400, 24)
    assert (bands[:40] == -3).all()  # before the sound begins
    assert bands[60:140].mean() > -0.6
    assert (bands[160:240] == -3).all()


def test_a_quieter_recording_gives_the_same_bands() -> None:
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.2, SOUND_RATE).astype(np.float32)
    out = []
    for gain in (1.0, 0.01):
        reader = BandReader()
        reader.push(0.0, sound * np.float32(gain))
        out.append(Bands(reader.finish(), 0.0).at(2, 20))
    np.testing.assert_allclose(out[0], out[1], atol=0.06)


def test_the_network_gives_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    network = load_network()
    mouths = rng.normal(10, 2, (300, 8)).astype(np.float32)
    bands = Bands(rng.integers(60, 160, (1300, 24)).astype(np.uint8), 0.0)
    whole = network.score(mouths, 5, bands)
    monkeypatch.setattr(speakers_network, "BLOCK", 70)
    np.testing.assert_allclose(network.score(mouths, 5, bands), whole, atol=2e-4)
    assert whole.std() > 0.01
    assert network.score(mouths[:0], 5, bands).shape == (0, 3)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    good = {f"0.{name}": np.zeros(shape, np.float32) for name, shape in shapes().items()}
    SpeakersNetwork(good)
    with pytest.raises(BundleError, match=r"0\.score\.bias"):
        SpeakersNetwork({**good, "0.score.bias": np.full(1, np.nan, np.float32)})
    with pytest.raises(BundleError, match="damaged or foreign"):
        SpeakersNetwork({**good, "1.score.bias": good["0.score.bias"]})
    with pytest.raises(BundleError, match="damaged or foreign"):
        SpeakersNetwork({})
    with pytest.raises(BundleError, match="cannot be read"):
        load_network(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_bytes(b"no weights")
    with pytest.raises(BundleError, match="no safetensors file"):
        load_network(tmp_path / "text.safetensors")


@pytest.fixture(scope="module")
def clip() -> tuple[FaceTube, SoundChunk]:
    """The face and the sound of a person who speaks."""
    opened = open_clip(EXAMPLES / "1001_DFA_HAP_XX.flv")
    longest = max(find_tubes(opened, load_detector("auto")), key=len)
    return replace(longest, track=0), opened.read_sound()


def read(tubes: list[FaceTube], sound: SoundChunk | None) -> dict[str, NDArray[np.float64]]:
    reader = SpeakersReader()
    if sound is not None:
        reader.push_sound(sound)
    for tube in tubes:
        reader.push_tube(tube)
    return reader.finish()


def piece(tube: FaceTube, chosen: slice | NDArray[np.intp], track: int = 0) -> FaceTube:
    n = ("index", "times", "boxes", "raw_boxes", "detected", "scores", "crops")
    return replace(tube, track=track, **{name: getattr(tube, name)[chosen] for name in n})


def test_a_speaker_beside_a_photograph(clip: tuple[FaceTube, SoundChunk]) -> None:
    tube, sound = clip
    photograph = replace(tube, track=1, crops=np.repeat(tube.crops[30:31], len(tube), 0))
    found = Speakers.of(read([tube, photograph], sound), Talk(((0.5, 1.6),)))
    assert found.speaks([0], 0.5, 1.6) is True
    assert found.speaks([1], 0.5, 1.6) is False
    alone = Speakers.of(read([photograph], sound), Talk(((0.5, 1.6),)))
    assert alone.speaks([1], 0.5, 1.6) is False


def test_pieces_of_a_tube_and_of_the_sound(clip: tuple[FaceTube, SoundChunk]) -> None:
    tube, sound = clip
    whole = read([tube], sound)
    pieces = [piece(tube, slice(k, k + 13)) for k in range(0, len(tube), 13)]
    reader = SpeakersReader()
    for part in pieces[:2]:
        reader.push_tube(part)
    for k in range(0, len(sound.samples), 5000):
        time = sound.time + k / SOUND_RATE
        reader.push_sound(SoundChunk(time, sound.samples[k : k + 5000]))
    for part in pieces[2:]:
        reader.push_tube(part)
    cut = reader.finish()
    assert np.array_equal(whole["speaker_step"], cut["speaker_step"])
    np.testing.assert_allclose(whole["speaker_score"], cut["speaker_score"], atol=0.02)


def test_without_sound_or_at_a_low_rate_nothing_is_known(
    clip: tuple[FaceTube, SoundChunk],
) -> None:
    tube, sound = clip
    assert read([tube], None)["speaker_score"].shape == (0, 3)
    assert read([], sound)["speaker_score"].shape == (0, 3)
    slow = read([piece(tube, np.arange(0, len(tube), 6))], sound)  # 5 a second
    assert Speakers.of(slow, Talk(((0.5, 1.6),))).speaks([0], 0.5, 1.6) is None
    one = read([piece(tube, slice(3, 4))], sound)
    assert Speakers.of(one, Talk(((0.0, 1.6),))).speaks([0], 0.0, 1.6) is None
