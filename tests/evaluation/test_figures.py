"""Figures are written whole, look at no global state, and refuse what they cannot draw."""

from __future__ import annotations

import builtins
from pathlib import Path

import cv2
import numpy as np
import pytest

from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.evaluation.figures import confusion_figure, mean_faces
from emonets.evaluation.metrics import Evaluation, evaluate

matplotlib = pytest.importorskip("matplotlib", reason="needs emonets[plot]")


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 7, 700)
    return evaluate(y, np.where(rng.random(700) < 0.6, y, rng.integers(0, 7, 700)))


def drawn_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a figure says, gathered as it is saved."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    texts: list[str] = []
    save = Figure.savefig

    def gather(self: Figure, *args: object, **options: object) -> None:
        save(self, *args, **options)
        texts.extend(t.get_text() for t in self.findobj(Text))

    monkeypatch.setattr(Figure, "savefig", gather)
    return texts


def test_confusion_figure_says_what_was_measured(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = drawn_texts(monkeypatch)
    path = confusion_figure(evaluation, tmp_path / "new" / "c.png", title="a net on some data")
    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape[0] > 800
    assert image.shape[1] > 800
    whole = "\n".join(texts)
    assert "a net on some data" in texts
    assert f"accuracy {evaluation.accuracy}" in whole
    assert f"UAR {evaluation.uar}" in whole
    assert "n = 700" in whole
    for i, j in np.ndindex(7, 7):
        assert str(evaluation.confusion[i, j]) in texts
    row = evaluation.confusion[0]
    assert f"{row[0] / row.sum():.0%}" in texts
    assert f"surprise\n{evaluation.confusion[5].sum()}" in texts


def test_diagonal_is_dark_and_a_class_without_items_is_empty(tmp_path: Path) -> None:
    perfect = confusion_figure(evaluate([0, 3, 6], [0, 3, 6]), tmp_path / "c.png", title="t")
    image = cv2.imread(str(perfect), cv2.IMREAD_GRAYSCALE).astype(float)
    height, width = image.shape
    # the axes' place in the figure; cells count from the top left
    left, top, right, bottom = 0.15 * width, 0.16 * height, 0.98 * width, 0.92 * height

    def shade(i: int, j: int) -> float:
        y = int(top + (i + 0.1) * (bottom - top) / 7)
        x = int(left + (j + 0.1) * (right - left) / 7)
        return float(image[y, x])

    assert shade(0, 0) < 100
    assert shade(3, 3) < 100
    assert shade(0, 3) > 220
    assert shade(1, 1) > 220


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_same_evaluation_same_file(evaluation: Evaluation, tmp_path: Path, kind: str) -> None:
    a = confusion_figure(evaluation, tmp_path / f"a.{kind}", title="t").read_bytes()
    b = confusion_figure(evaluation, tmp_path / f"b.{kind}", title="t").read_bytes()
    assert len(a) > 1000
    assert a == b
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a.{kind}", f"b.{kind}"]


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
        confusion_figure(evaluation, path, title="t")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_drawing_leaves_pyplot_alone(evaluation: Evaluation, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams), matplotlib.get_backend()
    confusion_figure(evaluation, tmp_path / "c.png", title="t")
    assert (dict(matplotlib.rcParams), matplotlib.get_backend()) == before
    from matplotlib import _pylab_helpers

    assert not _pylab_helpers.Gcf.figs


def test_without_matplotlib_the_extra_is_named(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **options: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"emonets\[plot\]"):
        confusion_figure(evaluation, tmp_path / "c.png", title="t")


def test_mean_faces_show_every_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = drawn_texts(monkeypatch)
    ramp = np.arange(48 * 48).reshape(48, 48)
    points = np.array([[10.0, 20.0], [30.0, 40.0]])
    one = mean_faces([("FER2013", ramp)], tmp_path / "one.png")
    three = mean_faces(
        [("FER2013", ramp), ("AFEW", ramp[::-1] / 10), ("small", ramp[:9, :9])],
        tmp_path / "three.png",
        landmarks=[points, None, points / 5],
        title="mean faces",
    )
    narrow, wide = cv2.imread(str(one)), cv2.imread(str(three))
    assert wide.shape[1] > 2.5 * narrow.shape[1]
    assert {"FER2013", "AFEW", "small", "mean faces"} <= set(texts)


def test_landmarks_lie_where_their_pixels_are(tmp_path: Path) -> None:
    dark = np.zeros((48, 48))
    dark[30, 12] = 1  # the only light pixel: its centre is (12.5, 30.5)
    path = mean_faces([("", dark)], tmp_path / "m.png", landmarks=np.array([[12.5, 30.5]]))
    blue, _, red = (c.astype(int) for c in cv2.split(cv2.imread(str(path))))
    ys, xs = np.nonzero((red > 200) & (blue < 120))
    plain = mean_faces([("", dark)], tmp_path / "p.png")
    grey = cv2.imread(str(plain), cv2.IMREAD_GRAYSCALE)
    # the light pixel, inside the picture, which itself stands on white
    inside = np.zeros_like(grey, dtype=bool)
    black = np.argwhere(grey < 5)
    (y0, x0), (y1, x1) = black.min(axis=0), black.max(axis=0)
    inside[y0 : y1 + 1, x0 : x1 + 1] = True
    py, px = np.nonzero(inside & (grey > 250))
    assert abs(xs.mean() - px.mean()) < 1.5
    assert abs(ys.mean() - py.mean()) < 1.5


def test_bad_figures(evaluation: Evaluation, tmp_path: Path) -> None:
    face = np.zeros((4, 4))
    with pytest.raises(ParameterError, match=r"\.png, \.svg, \.pdf"):
        confusion_figure(evaluation, tmp_path / "c.txt", title="t")
    with pytest.raises(ParameterError, match="nothing"):
        mean_faces([("a", face)], tmp_path / "c")
    with pytest.raises(DataError, match="no panels"):
        mean_faces([], tmp_path / "c.png")
    with pytest.raises(DataError, match=r"'a'.*height, width"):
        mean_faces([("a", np.zeros((4, 4, 3)))], tmp_path / "c.png")
    with pytest.raises(DataError, match="NaN"):
        mean_faces([("a", face * np.nan)], tmp_path / "c.png")
    with pytest.raises(DataError, match="2 sets of landmarks for 1 panels"):
        mean_faces([("a", face)], tmp_path / "c.png", landmarks=[None, None])
    with pytest.raises(DataError, match=r"\(k, 2\)"):
        mean_faces([("a", face)], tmp_path / "c.png", landmarks=np.zeros((5, 3)))
    assert not list(tmp_path.iterdir())
