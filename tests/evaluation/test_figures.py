"""Figures: they are written whole, leave global state alone, and refuse what cannot be drawn."""

from __future__ import annotations

import builtins
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn import ids, overlaps, texts
from emonets.emotions import COLOURS
from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.evaluation.figures import (
    check_format,
    confusion,
    confusion_of,
    format_of,
    mean_faces,
    readable,
    save,
)
from emonets.evaluation.figures.base import ink_on
from emonets.evaluation.figures.names import CODES, DASHES, MARKS, NAMES, in_list
from emonets.evaluation.metrics import Evaluation, evaluate

matplotlib = pytest.importorskip("matplotlib", reason="needs emonets[plot]")


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 7, 700)
    return evaluate(y, np.where(rng.random(700) < 0.6, y, rng.integers(0, 7, 700)))


def test_confusion_has_what_was_measured(evaluation: Evaluation) -> None:
    figure = confusion_of(evaluation, title="a net on some data")
    shown = texts(figure)
    whole = "\n".join(shown)
    assert "a net on some data" in shown
    assert f"accuracy {evaluation.accuracy}" in whole
    assert f"UAR {evaluation.uar}" in whole
    assert "n = 700" in whole
    for i, j in np.ndindex(7, 7):
        assert str(evaluation.confusion[i, j]) in shown
    row = evaluation.confusion[0]
    assert f"{row[0] / row.sum():.0%}" in shown
    assert f"surprise\n{evaluation.confusion[5].sum()}" in shown
    assert not overlaps(figure)


def test_confusion_has_a_colour_bar_of_shares(evaluation: Evaluation) -> None:
    table, bar = confusion_of(evaluation).axes
    assert bar.get_ylabel() == "share of the row"
    assert table.images[0].get_clim() == (0, 1)
    share = table.images[0].get_array()
    np.testing.assert_allclose(share.sum(axis=1), 1)


def test_absent_classes_are_left_out_and_named() -> None:
    # nobody is angry, and nothing is; nobody is afraid, but somebody is taken to be
    figure = confusion(["happy", "happy", "sad"], ["happy", "fear", "sad"], title="t")
    table = figure.axes[0]
    assert [t.get_text() for t in table.get_xticklabels()] == ["fear", "happy", "sad"]
    assert [t.get_text() for t in table.get_yticklabels()] == ["happy\n2", "sad\n1"]
    np.testing.assert_allclose(table.images[0].get_array(), [[0.5, 0.5, 0], [0, 0, 1]])
    whole = " ".join(texts(figure))
    assert "without a row: angry, disgust, fear, surprise, neutral" in whole
    assert not overlaps(figure)


def test_confusion_accepts_words_numbers_and_probabilities() -> None:
    by_words = confusion(["joy", "sad"], ["happy", "Sadness"])
    by_numbers = confusion([3, 4], np.eye(7)[[3, 4]])
    for figure in (by_words, by_numbers):
        np.testing.assert_allclose(figure.axes[0].images[0].get_array(), np.eye(2))
    own = confusion(["Mild", "strong"], ["strong", "strong"], classes=("mild", "strong"))
    np.testing.assert_allclose(own.axes[0].images[0].get_array(), [[0, 1], [0, 1]])
    with pytest.raises(DataError, match=r"label 1 is 'hapy'.*did you mean 'happy'"):
        confusion(["sad", "hapy"], [4, 3])


def test_long_titles_are_broken(evaluation: Evaluation) -> None:
    figure = confusion_of(evaluation, title="a model with a long name on data of its own " * 4)
    assert not overlaps(figure)
    endless = confusion_of(evaluation, title="word " * 400)
    assert any(text.endswith("…") for text in texts(endless))


def test_signs_in_a_title_stay_signs(evaluation: Evaluation) -> None:
    title = "cost$_1$ \\frac{ 100 % $ film\x07"
    assert title.replace("\x07", " ").strip() in texts(confusion_of(evaluation, title=title))


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "PNG"])
def test_same_figure_same_file(evaluation: Evaluation, tmp_path: Path, kind: str) -> None:
    a, b = (
        save(confusion_of(evaluation, title="t"), tmp_path / "new" / f"{name}.{kind}").read_bytes()
        for name in "ab"
    )
    assert a == b
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind.lower()]
    assert a.startswith(begins)
    assert len(a) > 1000
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [f"a.{kind}", f"b.{kind}"]


def test_a_failed_save_leaves_the_old_picture(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.png"
    path.write_bytes(b"old")
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        write(self, data[: len(data) // 2])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        save(confusion_of(evaluation), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_drawing_leaves_pyplot_alone(evaluation: Evaluation, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams), matplotlib.get_backend()
    for kind in ("png", "svg"):
        save(confusion_of(evaluation), tmp_path / f"c.{kind}")
    assert (dict(matplotlib.rcParams), matplotlib.get_backend()) == before
    from matplotlib import _pylab_helpers

    assert not _pylab_helpers.Gcf.figs


def test_without_matplotlib_the_extra_is_named(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **options: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"emonets\[plot\]"):
        confusion_of(evaluation)


def test_mean_faces_show_every_panel() -> None:
    ramp = np.arange(48 * 48).reshape(48, 48)
    points = np.array([[10.0, 20.0], [30.0, 40.0]])
    one = mean_faces([("FER2013", ramp)])
    three = mean_faces(
        [("FER2013", ramp), ("AFEW", ramp[::-1] / 10), ("small", ramp[:9, :9])],
        landmarks=[points, None, points / 5],
        title="mean faces",
    )
    assert (len(one.axes), len(three.axes)) == (1, 3)
    assert three.get_size_inches()[0] > 2.5 * one.get_size_inches()[0]
    assert {"FER2013", "AFEW", "small", "mean faces"} <= set(texts(three))
    assert [len(axes.collections) for axes in three.axes] == [1, 0, 1]
    assert not overlaps(three)


def test_landmarks_lie_where_their_pixels_are(tmp_path: Path) -> None:
    dark = np.zeros((48, 48))
    dark[30, 12] = 1  # the only light pixel: its centre is (12.5, 30.5)
    marked = mean_faces([("", dark)], landmarks=np.array([[12.5, 30.5]]))
    path = save(marked, tmp_path / "m.png")
    blue, _, red = (c.astype(int) for c in cv2.split(cv2.imread(str(path))))
    ys, xs = np.nonzero((red > 200) & (blue < 120))
    plain = save(mean_faces([("", dark)]), tmp_path / "p.png")
    grey = cv2.imread(str(plain), cv2.IMREAD_GRAYSCALE)
    # the light pixel, inside the picture, which itself stands on white
    inside = np.zeros_like(grey, dtype=bool)
    black = np.argwhere(grey < 5)
    (y0, x0), (y1, x1) = black.min(axis=0), black.max(axis=0)
    inside[y0 : y1 + 1, x0 : x1 + 1] = True
    py, px = np.nonzero(inside & (grey > 250))
    assert abs(xs.mean() - px.mean()) < 1.5
    assert abs(ys.mean() - py.mean()) < 1.5


def test_bad_faces() -> None:
    face = np.zeros((4, 4))
    with pytest.raises(DataError, match="no panels"):
        mean_faces([])
    with pytest.raises(DataError, match=r"'a'.*height, width"):
        mean_faces([("a", np.zeros((4, 4, 3)))])
    with pytest.raises(DataError, match="NaN"):
        mean_faces([("a", face * np.nan)])
    with pytest.raises(DataError, match="2 sets of landmarks for 1 panels"):
        mean_faces([("a", face)], landmarks=[None, None])
    with pytest.raises(DataError, match=r"\(k, 2\)"):
        mean_faces([("a", face)], landmarks=np.zeros((5, 3)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c.txt", r"ends in \.txt; a figure's ends in \.png, \.svg, \.pdf$"),
        ("c.jpg", r"did you mean \.png\?"),
        ("c.svgz", r"did you mean \.svg\?"),
        ("c", "has no ending"),
    ],
)
def test_other_endings_name_the_nearest(
    evaluation: Evaluation, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        save(confusion_of(evaluation), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_formats_by_name(tmp_path: Path) -> None:
    assert (check_format("SVG"), format_of("a/b.Pdf")) == ("svg", "pdf")
    with pytest.raises(ParameterError, match="'jpg'; did you mean png"):
        check_format("jpg")
    (tmp_path / "folder.png").mkdir()
    small = save(mean_faces([("a", np.zeros((4, 4)))]), tmp_path / "a.png", dpi=50)
    assert cv2.imread(str(small)).shape[1] == 152
    with pytest.raises(ParameterError, match=r"dpi must lie in 20\.\.1200"):
        save(mean_faces([("a", np.zeros((4, 4)))]), tmp_path / "a.png", dpi=5)
    with pytest.raises(ParameterError, match="is a folder"):
        save(mean_faces([("a", np.zeros((4, 4)))]), tmp_path / "folder.png")


def test_names_hold_no_ids() -> None:
    assert readable("face_log") == "Face, log probabilities"
    assert readable("only face_log") == "Face, log probabilities, alone"
    assert readable("face+audio") == "Face + audio"
    assert readable("face/frame") == "Face, single pictures"
    assert readable("some_new_model") == "Some new model"
    assert readable("") == ""
    assert in_list(["activity", "face+audio", "face_log"]) == (
        "Activity, face + audio, face, log probabilities"
    )
    assert not [name for name in NAMES.values() if "_" in name]


def test_emotions_differ_by_more_than_colour() -> None:
    assert len(set(COLOURS.values())) == len(set(CODES.values())) == len(set(MARKS.values())) == 7
    assert len({str(dash) for dash in DASHES.values()}) >= 4
    assert ink_on((1, 1, 1)) != ink_on((0, 0, 0)) == "white"


def test_class_ids_are_names_too() -> None:
    figure = confusion([0, 1], [0, 0], classes=("very_low", "very_high"))
    assert "very low" in texts(figure)
    assert not ids(figure)
