"""What all figures share: paper in inches, inks, and writing a file."""

from __future__ import annotations

import difflib
import io
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emonets.errors import MissingExtraError, ParameterError
from emonets.result import printable
from emonets.runtime.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
"""What `save` writes, by the ending of the file's name."""
DPI = 150
INK, PALE, RULE = "#1a1a1a", "#5f5f5f", "#bbbbbb"
OURS, OTHER = "#1f5f99", "#c98f2b"  # blue and ochre: told apart without red and green

_TITLE, _LINE = 12.0, 9.0  # points
_EDGE = 0.2  # inches
_LONGEST = 3  # lines of a title
_salt = threading.Lock()


def save(figure: Figure, path: str | Path, *, dpi: float = DPI) -> Path:
    """Write a figure as PNG, SVG or PDF; whole or not at all.

    Equal figures give equal files: there are no dates in them.

    Parameters
    ----------
    figure : of a function of this package, or any other of matplotlib.
    path : its ending gives the format: ``.png``, ``.svg`` or ``.pdf``.
    dpi : dots an inch of a PNG, 20 to 1200.

    Returns
    -------
    The path.

    Raises
    ------
    ParameterError : the ending is another one, and the nearest is named; a folder is there; dpi is
        out of range.

    Examples
    --------
    >>> figure = confusion([0, 3, 3], [0, 3, 0])  # doctest: +SKIP
    >>> save(figure, "confusion.svg")  # doctest: +SKIP
    """
    target = Path(path)
    kind = format_of(target)
    if not 20 <= dpi <= 1200:
        raise ParameterError(f"dpi must lie in 20..1200, got {dpi}")
    if target.is_dir():
        raise ParameterError(f"{target}: is a folder; give the name of a file in it")
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    picture = io.BytesIO()
    options: dict[str, Any] = {"format": kind, "dpi": dpi, "metadata": metadata[kind]}
    if kind == "svg":
        from matplotlib import rc_context

        with _salt, rc_context({"svg.hashsalt": "emonets"}):  # ids in it are random otherwise
            figure.savefig(picture, **options)
    else:
        figure.savefig(picture, **options)
    write_whole(target, picture.getvalue())
    return target


def format_of(path: str | Path) -> str:
    """The format by a file name's ending, of :data:`FORMATS`.

    Raises
    ------
    ParameterError : another ending, or none; the nearest is named.

    Examples
    --------
    >>> format_of("weights.PDF")
    'pdf'
    """
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending in FORMATS:
        return ending
    known = ", ".join(f".{name}" for name in FORMATS)
    found = f"ends in .{ending}" if ending else "has no ending"
    near = difflib.get_close_matches(ending, FORMATS, 1, 0.5)
    hint = f"; did you mean .{near[0]}?" if near else ""
    raise ParameterError(f"{path}: the name {found}; a figure's ends in {known}{hint}")


def check_format(name: str) -> str:
    """The name of a format, in small letters.

    Raises
    ------
    ParameterError : not of :data:`FORMATS`; the nearest is named.
    """
    if name.lower() in FORMATS:
        return name.lower()
    near = difflib.get_close_matches(name.lower(), FORMATS, 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ParameterError(f"there are figures in {', '.join(FORMATS)}, not in {name!r}{hint}")


def plain(text: str) -> str:
    """Text on one line that can be drawn: no control characters, no damaged ones."""
    return "".join(c if c.isprintable() else " " for c in printable(text))


class Sheet:
    """An empty figure with a title, laid out in inches from the upper left corner.

    Parameters
    ----------
    width, body : inches; the height of the title comes on top of the body's.
    title : bold; broken into lines where it is too long.
    lines : below the title, smaller.

    Attributes
    ----------
    figure : matplotlib's. It is not of pyplot, which would never free it.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    """

    def __init__(self, width: float, body: float, title: str, lines: Sequence[str] = ()) -> None:
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError("drawing figures", "plot") from error
        head = [(line, _TITLE, True) for line in _broken(title, width, _TITLE, 0.62)]
        for text in lines:
            head += [(line, _LINE, False) for line in _broken(text, width, _LINE, 0.53)]
        heights = [1.55 * size / 72 for _, size, _ in head]
        self.head = 0.14 + sum(heights) + 0.14
        self.width, self.height = width, self.head + body
        self.figure: Figure = Figure((self.width, self.height), dpi=DPI, facecolor="white")
        top = 0.14
        for (line, size, bold), height in zip(head, heights, strict=True):
            self.text(
                _EDGE, top + height / 2 - self.head, line, fontsize=size, va="center",
                color=INK if bold else PALE, fontweight="bold" if bold else "normal",
            )  # fmt: skip
            top += height

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes in inches; ``top`` counts from the body's upper edge."""
        bottom = self.height - self.head - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        """Text at a place in inches; ``top`` counts from the body's upper edge."""
        self.figure.text(
            left / self.width, 1 - (self.head + top) / self.height, text, parse_math=False, **style
        )

    def legend(self, left: float, top: float, handles: Sequence[Any], columns: int) -> None:
        """A legend at a place in inches; ``top`` counts from the body's upper edge."""
        self.figure.legend(
            handles=list(handles), loc="upper left", ncols=columns, frameon=False, fontsize=8.5,
            bbox_to_anchor=(left / self.width, 1 - (self.head + top) / self.height),
            borderaxespad=0, borderpad=0, handletextpad=0.6, columnspacing=1.6, handlelength=3.0,
        )  # fmt: skip


def _broken(text: str, width: float, size: float, letter: float) -> list[str]:
    """Lines of a text; ``letter`` is the mean width of a letter, of the font's size."""
    fit = max(8, int((width - 2 * _EDGE) / (letter * size / 72)))
    return textwrap.wrap(plain(text), fit, max_lines=_LONGEST, placeholder=" …")


def tick_names(axis: Any, names: Sequence[str], **style: Any) -> None:
    """Names at 0, 1, 2 … of an x or y axis; a name may have several lines."""
    shown = ["\n".join(map(plain, name.split("\n"))) for name in names]
    axis.set_ticks(range(len(names)), shown, parse_math=False, **style)


def width_of(names: Sequence[str], size: float = 10) -> float:
    """Inches that the longest of some names needs at least."""
    return max((len(name) for name in names), default=0) * 0.56 * size / 72


def ink_on(colour: Any) -> str:
    """Black or white, whichever has more contrast with a colour (red, green, blue, of 0..1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "white" if 1.05 / (light + 0.05) > (light + 0.05) / 0.06 else INK


def quiet(axes: Axes, sides: Sequence[str] = ("left", "bottom")) -> None:
    """Axes with thin lines on some sides only, and small ticks."""
    axes.tick_params(labelsize=8.5, labelcolor=INK, length=2, color=RULE)
    for side, spine in axes.spines.items():
        spine.set_visible(side in sides)
        spine.set_color(RULE)


def table_axes(axes: Axes, across: int, down: int) -> None:
    """Axes of a table of colours: white lines between the cells, no frame."""
    axes.set_xticks([i + 0.5 for i in range(across - 1)], minor=True)
    axes.set_yticks([i + 0.5 for i in range(down - 1)], minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0, labelsize=10, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)


def accuracy_axes(axes: Axes) -> None:
    """Axes whose rows are systems and whose x is accuracy in per cent."""
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    axes.set_xlabel("accuracy, per cent", color=PALE, fontsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(RULE)


def colour_bar(axes: Axes, image: Any, label: str, *, per_cent: bool = False) -> None:
    """The colour bar of an image in axes of its own."""
    bar = axes.figure.colorbar(image, cax=axes)
    bar.outline.set_visible(False)
    axes.tick_params(labelsize=8, length=2, labelcolor=PALE, color=RULE)
    axes.set_ylabel(label, fontsize=8.5, color=PALE)
    if per_cent:
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
