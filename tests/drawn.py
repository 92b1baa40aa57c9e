"""What a figure shows, read off its parts."""

from __future__ import annotations

import re
from typing import Any


def texts(figure: Any) -> list[str]:
    """Every text that is drawn, from titles to tick labels."""
    return [text.get_text() for text in _shown(figure)]


def ids(figure: Any) -> list[str]:
    """Texts with an id in them, such as face_log."""
    return [text for text in texts(figure) if re.search(r"\w_\w", text)]


def overlaps(figure: Any) -> list[tuple[str, str]]:
    """Pairs of texts that lie on each other, and texts that leave the figure."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in _shown(figure)]
    paper = figure.bbox
    found = []
    for i, (text, box) in enumerate(boxes):
        if box.x0 < 0 or box.y0 < 0 or box.x1 > paper.x1 or box.y1 > paper.y1:
            found.append((text, "the edge"))
        found += [(text, other) for other, b in boxes[i + 1 :] if _touch(box, b)]
    return found


def _shown(figure: Any) -> list[Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()  # puts every part at its place
    found = [*figure.texts]
    for legend in figure.legends:
        found += legend.get_texts()
    for axes in figure.axes:
        found += [axes.title, axes._left_title, axes._right_title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
            found += [axis.label, *(part for t in ticks for part in (t.label1, t.label2))]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def _touch(a: Any, b: Any) -> bool:
    wide = min(a.x1, b.x1) - max(a.x0, b.x0)
    tall = min(a.y1, b.y1) - max(a.y0, b.y0)
    return bool(wide > 1 and tall > 1)
