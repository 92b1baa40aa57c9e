"""What a contained process returns is what this process returns, digit for digit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from emonets.batch import predict_many
from emonets.contained import Contained
from emonets.inference.options import Options
from emonets.media.clip import Limits, open_clip
from emonets.model import EmoNets
from emonets.report.film import place_film
from emonets.report.write import write_report
from media_files import tone, write_media

OPTIONS = Options(limits=Limits(max_duration=0.4))


@pytest.fixture(scope="module")
def contained():
    with Contained("modern") as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def model():
    return EmoNets.load("modern")


@pytest.fixture(scope="module")
def clips(happy, tmp_path_factory):
    """A film, a folder of pictures, a picture, a turned one, sounds, damaged files."""
    place = tmp_path_factory.mktemp("clips")
    pictures = [frame.image for frame in open_clip(happy).frames()][:6]
    (place / "frames").mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(place / "frames" / f"{i:03}.jpg")
    Image.fromarray(pictures[0]).save(place / "face.avif")
    Image.fromarray(np.rot90(pictures[0])).save(place / "turned.png")
    write_media(place / "sound.flac", video=None, audio="flac", sound=tone(1.0))
    whole = happy.read_bytes()
    (place / "cut.flv").write_bytes(whole[: len(whole) // 4])
    (place / "text.mp4").write_text("text")
    return [happy, *sorted(place.iterdir())]


def test_results_are_equal(contained, model, clips):
    statuses = set()
    for clip in clips:
        own = contained.read(clip, OPTIONS).result
        other = model.predict_clip(clip, **OPTIONS.keywords())
        assert own.to_json() == other.to_json()
        assert [one.boxes.tolist() for one in own.persons] == [
            one.boxes.tolist() for one in other.persons
        ]
        statuses.add(own.files[0].status)
    assert statuses >= {"ok", "damaged", "error"}


def test_nothing_was_imported_late(contained, clips, monkeypatch):
    late = []

    def add(self, head, body):
        late.extend(head.get("late", ()))
        return plain(self, head, body)

    from emonets.contained.replies import Replies

    plain = Replies.add
    monkeypatch.setattr(Replies, "add", add)
    for options in (OPTIONS, Options(detector="haar", limits=OPTIONS.limits)):
        assert contained.read(clips[0], options).result.rows
    assert late == []


def test_films_are_equal(contained, clips, tmp_path):
    for clip in (own for own in clips if own.suffix != ".mp4"):
        made = contained.film(clip, tmp_path / "one" / clip.name)
        assert made == place_film(clip, tmp_path / "two" / clip.name)
        for file in (tmp_path / "two" / clip.name).iterdir():
            assert file.read_bytes() == (tmp_path / "one" / clip.name / file.name).read_bytes()


def test_a_batch_and_its_report_are_equal(contained, clips, tmp_path):
    some = [clips[0], next(own for own in clips if own.suffix == ".mp4")]
    seen = []
    own = predict_many(
        some, bundle="modern", options=OPTIONS, folder=tmp_path / "own", contained=contained,
        on_frame=lambda frame: seen.append(frame.time),
    )  # fmt: skip
    assert max(seen) > 0
    other = predict_many(some, bundle="modern", options=OPTIONS, folder=tmp_path / "other")
    assert own.to_json() == other.to_json()
    write_report(own, tmp_path / "a", make_film=contained.film)
    write_report(other, tmp_path / "b")
    names = sorted(one.relative_to(tmp_path / "b") for one in (tmp_path / "b").rglob("*.*"))
    assert names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    kept = sorted((tmp_path / "own" / "clips").iterdir())
    for file, twin in zip(kept, sorted((tmp_path / "other" / "clips").iterdir()), strict=True):
        assert json.loads(file.read_text()) == json.loads(twin.read_text())
