"""Files that are held are read by their descriptor, and no other file exists."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from emonets.errors import MediaError
from emonets.media import held
from emonets.media.clip import open_clip
from emonets.media.images import read_image
from media_files import quarters, tone, write_media


@pytest.fixture
def only():
    """This process, as if it could open nothing."""
    held.only_held()
    yield
    held.release()
    held._held.only = False


def hold(name, path):
    descriptor = os.open(path, os.O_RDONLY)
    held.hold_file(name, lambda: os.dup(descriptor))
    return descriptor


def test_readers_have_positions_of_their_own(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    one, two = (held.HeldFile(os.open(tmp_path / "a", os.O_RDONLY)) for _ in range(2))
    with one, two:
        assert one.read(4) == b"0123"
        assert two.read(2) == b"01"
        assert one.read(3) == b"456"
        assert (one.seek(-2, os.SEEK_END), one.read(), one.read(1)) == (8, b"89", b"")
        assert (two.seek(1, os.SEEK_CUR), two.tell(), two.read(1)) == (3, 3, b"3")
        with pytest.raises(OSError, match="Invalid"):
            two.seek(-1)
    descriptor = one.fileno()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


def test_copies_of_one_descriptor_do_not_disturb_each_other(tmp_path, only):
    (tmp_path / "a").write_bytes(b"0123456789")
    name = tmp_path / "another name"
    descriptor = hold(name, tmp_path / "a")
    with held.open_file(name) as one, held.open_raw(name) as two:
        assert one.read(1) == b"0"
        assert two.read(4) == b"0123"
        assert one.read(2) == b"12"
    os.close(descriptor)


def test_a_held_film_is_read_as_the_file_is(tmp_path, only):
    film = write_media(tmp_path / "a.mp4", audio="aac", sound=tone(1.0))
    held._held.only = False
    plain = [frame.image for frame in open_clip(film).frames()]
    held.only_held()
    with pytest.raises(MediaError, match="does not exist"):
        open_clip(film)
    name = tmp_path / "b.mp4"
    descriptor = hold(name, film)
    film.unlink()  # it is read by its descriptor alone
    clip = open_clip(name)
    assert all(map(np.array_equal, plain, (frame.image for frame in clip.frames())))
    assert clip.read_sound().samples.size
    os.close(descriptor)


def test_a_held_folder_is_a_clip_of_these_files(tmp_path, only):
    opened = []

    def opener(number):
        def give():
            opened.append(number)
            return os.open(tmp_path / f"{number}.png", os.O_RDONLY)

        return give

    for number in range(3):
        Image.fromarray(quarters(16, 12) // (number + 1)).save(tmp_path / f"{number}.png")
    folder = tmp_path / "film"
    held.hold_folder(folder, [(f"{n:03}.png", opener(n)) for n in (2, 0, 1)])
    clip = open_clip(folder)
    means = [frame.image.mean() for frame in clip.frames()]
    assert means == sorted(means, reverse=True)
    assert len(means) == 3
    assert set(opened) == {0, 1, 2}
    with pytest.raises(MediaError, match=r"001\.jpg: cannot be read"):
        read_image(folder / "001.jpg", max_pixels=100)


def test_nothing_else_exists_for_a_locked_process(tmp_path, only):
    (tmp_path / "a.png").write_bytes(b"x")
    assert not held.is_file(tmp_path / "a.png")
    assert not held.is_folder(tmp_path)
    for look in (held.open_file, held.status_of_path, held.files_in):
        with pytest.raises(FileNotFoundError):
            look(tmp_path)


def test_without_a_lock_files_are_files(tmp_path):
    (tmp_path / "a").write_bytes(b"xy")
    assert held.status_of_path(tmp_path / "a")[1] == 2
    assert held.is_file(tmp_path / "a")
    assert held.is_folder(tmp_path)
    assert list(held.files_in(tmp_path)) == [tmp_path / "a"]
