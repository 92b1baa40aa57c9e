"""A clip that kills the decoder, hangs, lies or takes too much costs that clip and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emonets.batch import predict_many
from emonets.contained import Allowance, Cancelled, Contained, Progress
from emonets.errors import BundleError, EmoNetsError, MediaError, ParameterError
from emonets.inference.options import Options
from emonets.media.limits import Limits
from media_files import quarters, write_media

sys.path.insert(0, str(Path(__file__).parent))
import stubs

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux is locked")
OPTIONS = Options()


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_media(tmp_path_factory.mktemp("clips") / "a.avi", video="mpeg4")


@pytest.fixture(scope="module")
def stub():
    with stubs.Stubbed(allowance=Allowance(memory=2**30, scratch=2**27)) as contained:
        yield contained


def message(reading):
    return reading.result.files[0].message


def pid(contained, film):
    return int(message(contained.read(film, OPTIONS, name="pid.avi")))


def test_a_clip_is_read_and_named(stub, film):
    seen = []
    reading = stub.read(film, OPTIONS, name="C:\\a/../b.avi", on_progress=seen.append)
    (row,), (status,) = reading.result.rows, reading.result.files
    assert (row.file, status.file, status.status) == ("C:\\a/../b.avi",) * 2 + ("ok",)
    assert row.end > 50
    assert reading.film is None
    assert isinstance(seen[0], Progress)
    assert {own.stage for own in seen} <= {"starting", "reading"}
    assert seen[-1].total == pytest.approx(1.0)
    assert 0 <= seen[-1].time < 1
    assert stub.read(film, OPTIONS).result.files[0].file == str(film)


@linux
def test_nothing_can_be_opened_while_a_clip_is_read(stub, film):
    assert message(stub.read(film, OPTIONS, name="probes.avi")) == "none"
    assert stub.locked.startswith("the decoder can open no file, no connection and no process")


def test_temporary_files_are_there_again_for_each_clip(stub, film):
    for _ in range(3):
        assert message(stub.read(film, OPTIONS, name="spool.avi")) == str(64 * 2**20)


@pytest.mark.parametrize(("name", "signal_"), [("abort.avi", "SIGABRT"), ("segv.avi", "SIGSEGV")])
def test_a_crash_costs_its_clip(stub, film, name, signal_):
    before = pid(stub, film)
    reading = stub.read(film, OPTIONS, name=name)
    assert reading.result.rows == ()
    assert reading.result.files[0].status == "error"
    expected = f"the decoder ended on it ({signal_}); re-encode it with a media tool"
    assert message(reading) == expected
    assert reading.result.about == {"bundle": "stub"}
    assert pid(stub, film) != before


@linux
def test_limits_hold(stub, film, monkeypatch):
    needs = message(stub.read(film, OPTIONS, name="memory.avi"))
    assert needs.startswith("needs more memory than the 1 GiB that it may use; ")
    monkeypatch.setattr(stub, "allowance", replace(stub.allowance, cpu_seconds=0.5))
    took = message(stub.read(film, OPTIONS, name="spin.avi"))
    assert took.startswith("took more than 0.5 s of processor time; ")
    monkeypatch.setattr(stub, "allowance", replace(stub.allowance, seconds=0.3, cpu_seconds=None))
    took = message(stub.read(film, OPTIONS, name="hang.avi"))
    assert took == "took longer than 0.3 s; cut it, or allow more time"
    small = replace(OPTIONS, limits=Limits(max_pixels=100))
    monkeypatch.setattr(stub, "allowance", replace(stub.allowance, seconds=None))
    assert "keeps to the Limits" in message(stub.read(film, small))


@linux
def test_who_asks_and_takes_no_answer_is_ended(stub, film, monkeypatch):
    monkeypatch.setattr("emonets.contained.process._SEND_SECONDS", 1)
    monkeypatch.setattr(stub, "allowance", replace(stub.allowance, seconds=60))
    stub._end()
    began = time.monotonic()
    assert stub.read(film, OPTIONS, name="flood.avi").result.files[0].status == "error"
    assert time.monotonic() - began < 50


def test_reading_is_cancelled(stub, film):
    cancelled = threading.Event()
    began = time.monotonic()

    def on_progress(progress):
        threading.Timer(0.2, cancelled.set).start()

    with pytest.raises(Cancelled, match=r"hang\.avi: was cancelled"):
        stub.read(film, OPTIONS, name="hang.avi", on_progress=on_progress, cancelled=cancelled)
    assert time.monotonic() - began < 60
    with pytest.raises(Cancelled):  # while the next process starts
        stub.read(film, OPTIONS, cancelled=cancelled)
    assert stub.read(film, OPTIONS).result.files[0].status == "ok"


def test_a_bad_clip_is_no_error(stub, tmp_path):
    (tmp_path / "text.mp4").write_text("text")
    (tmp_path / "none.mp4").write_bytes(b"")
    assert "is text, not media" in message(stub.read(tmp_path / "text.mp4", OPTIONS))
    assert "is empty" in message(stub.read(tmp_path / "none.mp4", OPTIONS))
    assert "does not exist" in message(stub.read(tmp_path / "gone.mp4", OPTIONS))
    with pytest.raises(ParameterError, match="name of a detector"):
        stub.read(tmp_path / "text.mp4", replace(OPTIONS, detector=lambda image: []))


def test_a_folder_of_pictures_is_read(stub, tmp_path):
    for number in range(4):
        Image.fromarray(quarters(64, 48)).save(tmp_path / f"{number:03}.png")
    reading = stub.read(tmp_path, OPTIONS)
    assert reading.result.rows[0].end == pytest.approx(quarters(64, 48).mean())
    (tmp_path / "001.png").unlink()
    os.mkfifo(tmp_path / "001.png")  # nobody ever writes to it
    assert stub.read(tmp_path, OPTIONS).result.files[0].status == "ok"


def test_a_film_is_put_into_its_folder(stub, film, tmp_path):
    from emonets.report.film import place_film

    reading = stub.read(film, OPTIONS, film=tmp_path / "contained")
    made, card = stub.film(film, tmp_path / "alone", options={})
    expected, picture = place_film(film, tmp_path / "here")
    assert (reading.film, reading.card, reading.problem) == (expected, picture, "")
    assert (made, card) == (expected, picture)
    names = {"film.mp4", "card.jpg"}
    for folder, more in (("contained", set()), ("alone", {"film.json"})):
        assert {own.name for own in (tmp_path / folder).iterdir()} == names | more
        for name in names:
            content = (tmp_path / folder / name).read_bytes()
            assert content == (tmp_path / "here" / name).read_bytes()
    assert stub.film(film, tmp_path / "alone", options={}) == (made, card)
    assert stub.film(tmp_path / "gone.avi", tmp_path / "gone")[0]["kind"] == "none"


def test_numbers_stay_where_the_film_ends_the_process(stub, film, tmp_path):
    reading = stub.read(film, OPTIONS, name="late.avi", film=tmp_path / "page")
    assert reading.result.files[0].status == "ok"
    assert len(reading.result.rows) == 1
    assert reading.film["kind"] == "none"
    assert reading.problem == (
        "late.avi: the decoder ended on it (SIGABRT); re-encode it with a media tool; its page has "
        "no film"
    )
    assert list((tmp_path / "page").iterdir()) == []


def test_the_clip_itself_is_linked_by_the_parent(stub, tmp_path):
    clip = write_media(tmp_path / "upload.bin", kind="mp4")
    reading = stub.read(clip, OPTIONS, name="talk.MP4", film=tmp_path / "page")
    assert reading.film["src"] == "film.mp4"
    assert (tmp_path / "page" / "film.mp4").samefile(clip)


def test_a_film_never_takes_the_place_of_its_clip(stub, tmp_path):
    clip = write_media(tmp_path / "film.mp4", video="mpeg4")
    before = clip.read_bytes()
    with pytest.raises(ParameterError, match="is the clip itself"):
        stub.read(clip, OPTIONS, film=tmp_path)
    assert clip.read_bytes() == before
    assert [own.name for own in tmp_path.iterdir()] == ["film.mp4"]


@linux
def test_a_full_disk_is_a_sentence(film, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (25, 240, 320, 3), np.uint8)
    clip = write_media(
        tmp_path / "noise.avi", video="mpeg4", size=(320, 240), paint=lambda i: noise[i]
    )
    with stubs.Stubbed(allowance=Allowance(scratch=10_000)) as contained:
        with pytest.raises(EmoNetsError, match=r"page: .*cannot be written \(File too large\)"):
            contained.read(clip, OPTIONS, film=tmp_path / "page")
        assert list((tmp_path / "page").iterdir()) == []
        assert contained.read(film, OPTIONS).result.files[0].status == "ok"
        (tmp_path / "file").write_text("")
        with pytest.raises(EmoNetsError, match="file: cannot be written"):
            contained.read(clip, OPTIONS, film=tmp_path / "file")


def test_each_clip_has_a_process_of_its_own(film):
    with stubs.Stubbed(per_process=1) as contained:
        first = pid(contained, film)
        assert contained._next is not None
        waiting = contained._next.pid
        second = pid(contained, film)
        assert second == waiting != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_the_process_ends_with_a_parent_that_is_killed(film):
    parent = subprocess.Popen(
        [sys.executable, stubs.__file__, str(film)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout.readline()
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 30
    while _runs(worker):
        assert time.monotonic() < until
        time.sleep(0.05)


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{number}/stat")
    # nobody may wait for it in a container
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_reply_that_is_none_costs_the_clip(film):
    with stubs.Lying() as contained, pytest.raises(EmoNetsError):
        contained.read(film, OPTIONS)


def test_files_are_opened_by_path_where_descriptors_cannot_be_sent(film, tmp_path):
    with stubs.ByPath() as contained:
        assert "not locked" in contained.locked
        reading = contained.read(film, OPTIONS, name="b.avi", film=tmp_path / "page")
        assert message(reading) == ""
        assert (tmp_path / "page" / "film.mp4").stat().st_size > 1000
        assert (
            contained.read(film, OPTIONS, name="exit.avi")
            .result.files[0]
            .message.startswith("its process ended (status 3)")
        )


def test_a_process_that_cannot_start_is_a_sentence(film):
    class Missing(Contained):
        command = ("-c", "raise SystemExit('no such thing')")

    with Missing() as contained, pytest.raises(EmoNetsError, match=r"did not start.*no such thing"):
        contained.read(film, OPTIONS)
    with stubs.Broken() as contained, pytest.raises(BundleError, match="is damaged"):
        contained.read(film, OPTIONS)


def test_wrong_numbers_are_refused():
    with pytest.raises(ParameterError, match="per_process"):
        Contained(per_process=0)
    with pytest.raises(ParameterError, match="seconds=0"):
        Allowance(seconds=0)
    with pytest.raises(ParameterError, match="memory=None"):
        Allowance(memory=None)


def test_a_film_that_cannot_be_read_is_a_media_error(stub, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"\0" * 99)
    with pytest.raises(MediaError, match=r"a\.mp4: is damaged"):
        stub.film(tmp_path / "a.mp4", tmp_path / "page")


def test_a_batch_goes_on_after_a_clip_that_kills_the_decoder(stub, film, tmp_path):
    clips = [tmp_path / name for name in ("a.avi", "abort.avi", "c.avi", "segv.avi")]
    for clip in clips:
        os.link(film, clip)
    done = []
    result = predict_many(
        clips, bundle="modern", folder=tmp_path / "out", contained=stub, on_clip=done.append
    )
    assert [own.status for own in result.files] == ["ok", "error", "ok", "error"]
    assert [own.file for own in result.files] == [str(clip) for clip in clips]
    assert "SIGABRT" in result.files[1].message
    assert len(done) == 4
    assert len(list((tmp_path / "out" / "clips").iterdir())) == 2  # the others are tried again
