"""The paper's figures, each from named data: its own where the authors left them, else others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.readers.fer2013 import read_fer2013
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.evaluation.figures import (
    aggregation,
    check_format,
    confusion_panels,
    face_pairs,
    filters,
    network_layers,
    save,
    weight_panels,
)
from emonets.evaluation.figures.names import in_text
from emonets.media.clip import open_clip
from emonets.model import EmoNets
from emonets.reproduction import afew2_quirks as quirks
from emonets.reproduction.afew2_files import read_frames
from emonets.reproduction.paper_data import PaperData
from emonets.reproduction.paper_panels import ALONE, PANELS, panel
from emonets.runtime.files import try_folder
from emonets.specialists.descriptor import SLOTS, merge_frames
from emonets.specialists.face.specialist import FaceSpecialist

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

SHEETS = ("2", "3", "4", "5", "6", "7", "8", "9")
"""The figures that are drawn. 1 is a sketch of the whole way, in docs/architecture.md."""
NAMES = (*SHEETS, *PANELS, "all")
FACES = 8
"""Faces of a clip in Figure 2."""
SHORT = 7
"""Frames that are left of a long clip for Figure 5."""
_LONG = 30  # frames that a clip of the authors has at least, for Figure 4
_OTHER = "not the paper's data"


@dataclass(frozen=True)
class Drawn:
    """Written files, and the reason for each figure or panel that was left out."""

    files: tuple[Path, ...]
    left_out: dict[str, str] = field(default_factory=dict)


def draw_paper_figures(
    name: str,
    out: str | Path,
    data: PaperData,
    *,
    clip: str | Path,
    faces: str = "paper",
    motion: str = "modern",
    seed: int = 0,
    figures: str = "png",
) -> Drawn:
    """Draw a figure of the paper, or all of them, and write it to a folder.

    Parameters
    ----------
    name : of :data:`NAMES`, such as "7" or "7a".
    out : the folder; made if it is not there. The file is ``figure_7a.png``.
    data : what ``sort_data`` returned.
    clip : the clip of Figures 2, 4 and 5 where data have none.
    faces : bundle whose face network is used. motion : bundle whose motion filters are drawn.
    seed : of the searches. figures : png, svg or pdf.

    Returns
    -------
    The written files. For "all", and for a sheet of panels, what was left out and why.

    Raises
    ------
    ParameterError : no such figure, or the folder cannot be written.
    DataError : the data have nothing to draw the figure from.

    Examples
    --------
    >>> draw_paper_figures("4", "paper/", sort_data([]), clip="talk.mp4")  # doctest: +SKIP
    """
    if name not in NAMES:
        raise ParameterError(
            f"the paper has no figure {name!r} to draw; known: {', '.join(NAMES)} (1 is a sketch, "
            "in docs/architecture.md)"
        )
    ending = check_format(figures)
    folder = Path(out)
    try:
        try_folder(folder)
    except OSError as error:
        raise ParameterError(f"{folder}: cannot be written ({error.strerror or error})") from None
    maker = _Maker(data, Path(clip), faces, motion, seed, strict=name != "all")
    files, left = [], maker.left_out
    for one in SHEETS if name == "all" else (name,):
        try:
            figure = maker.draw(one)
        except DataError as error:
            if name != "all":
                raise
            left[one] = str(error)
            continue
        files.append(save(figure, folder / f"figure_{one}.{ending}"))
        log.info(f"written: {files[-1]}")
    if not files:
        raise DataError("; ".join(f"figure {one}: {why}" for one, why in left.items()))
    return Drawn(tuple(files), left)


@dataclass
class _Maker:
    """Draws the figures by name."""

    data: PaperData
    clip: Path
    faces: str
    motion: str
    seed: int
    strict: bool
    left_out: dict[str, str] = field(default_factory=dict)
    seen: dict[Path, NDArray[np.float64]] = field(default_factory=dict)

    def draw(self, name: str) -> Figure:
        makers: dict[str, Callable[[], Figure]] = {
            "2": self.smoothing, "3": self.layers, "4": self.long_clip, "5": self.short_clip,
            "6": self.filters,
        }  # fmt: skip
        return makers[name]() if name in makers else self.panels(name)

    def smoothing(self) -> Figure:
        title = "Figure 2: faces before and after isotropic smoothing"
        face = self.face()
        if self.data.faces is not None:
            stills = read_fer2013(self.data.faces)
            first = [np.flatnonzero(stills.labels == k)[:1] for k in range(len(EMOTIONS))]
            rows = [int(row[0]) for row in first if len(row)]
            raw = stills.images[rows]
            captions = [EMOTIONS[stills.labels[row]] for row in rows]
            about = "FER2013, the first face of each emotion: the paper's Google data"
        else:
            path = self.media("2", "fer2013.npz or a clip")
            raw, times = _registered(path, face)
            captions = [f"{t:.1f} s" for t in times]
            about = f"faces of {path.name}, registered by the bundle {self.faces}; {_OTHER}"
        if face.preprocessing.illumination != "isotropic":
            raise DataError(f"{self.faces}: its faces are not smoothed; use the bundle paper")
        lines = [about, f"smoothness {face.preprocessing.smoothness:g}, no normalisation after it"]
        return face_pairs(raw, face.preprocessing.lit(raw), captions, title=title, lines=lines)

    def layers(self) -> Figure:
        title = f"Figure 3: the face network of the bundle {self.faces}"
        about = "as stored: number and size of the maps of each layer; height is their size"
        return network_layers(self.face().network, title=title, lines=[about])

    def long_clip(self) -> Figure:
        title = "Figure 4: the frames of a long clip are averaged"
        p, about = self.frames("4")
        if len(p) < SLOTS:
            raise DataError(
                f"{about.split(',')[0]}: has {len(p)} frames with a face; Figure 4 requires "
                f"{SLOTS} or more, so give a longer clip"
            )
        return aggregation(p, title=title, lines=[about])

    def short_clip(self) -> Figure:
        title = "Figure 5: the frames of a short clip are repeated"
        p, about = self.frames("5")
        if len(p) >= SLOTS:
            some = np.linspace(0, len(p) - 1, SHORT).round().astype(int)
            p, about = p[some], f"{about}; only {SHORT} of its frames, evenly spaced"
        return aggregation(p, title=title, lines=[about])

    def filters(self) -> Figure:
        model = EmoNets.load(self.motion)
        if "activity" not in model.specialists:
            raise DataError(f"{self.motion}: has no activity specialist, so no motion filters")
        card: Any = model.about.get("card", {}).get("activity", {})
        title = f"Figure 6: motion filters of the bundle {self.motion}"
        where = in_text(str(card.get("trained_on", "its own")))
        about = f"learned from {card.get('films', 'the')} clips ({where}); {_OTHER}"
        return filters(model.specialists["activity"], most=24, title=title, lines=[about])

    def panels(self, name: str) -> Figure:
        number = name[0]
        letters = [one for one in PANELS if one.startswith(number)] if name in SHEETS else [name]
        made, reasons = [], {}
        self.data.together = [ALONE[one] for one in letters if one in ALONE and self.lacks(one)]
        for one in letters:
            try:
                made.append(panel(one, self.data, self.seed))
            except DataError as error:
                reasons[one] = str(error)
        if not made:
            raise DataError(next(iter(reasons.values())))
        self.left_out.update(reasons)
        title, lines = _TITLES[number]
        draw = weight_panels if number == "9" else confusion_panels
        return draw(made, title=title, lines=lines)

    def lacks(self, name: str) -> bool:
        """Whether a panel requires models that are still to be trained."""
        try:
            panel(name, replace(self.data, labelled=()), self.seed)
        except DataError:
            return True
        return False

    def frames(self, number: str) -> tuple[NDArray[np.float64], str]:
        """Probabilities of a clip's frames, and the data in words."""
        if self.data.authors is not None:
            path = self.data.authors / "validation" / "frame_by_frame.csv"
            for key, clip in read_frames(path, "validation").items():
                p = clip.probabilities[quirks.segment_rows(clip.frames)]
                if (len(p) < SLOTS) if number == "5" else len(p) >= _LONG:
                    about = f"AFEW2 validation, clip {key:09d}; the paper's data: the authors' own"
                    return p, f"{about} frame probabilities"
            raise DataError(f"{path}: has no clip of the length that Figure {number} requires")
        path = self.media(number, "the authors' folder of AFEW2 or a clip")
        if path not in self.seen:  # Figures 4 and 5 are of one clip
            features = self.face().extract(open_clip(path))
            if not len(features["index"]):
                raise DataError(f"{path}: has no face; give a clip with one")
            _, self.seen[path] = merge_frames(features["index"], features["probabilities"])
        return self.seen[path], f"{path.name}, faces by the bundle {self.faces}; {_OTHER}"

    def media(self, number: str, needs: str) -> Path:
        """The clip to look at: of the data, or the one that ships."""
        if self.data.media:
            return self.data.media[0]
        given = self.data.labelled or self.data.predictions or self.data.authors or self.data.faces
        if self.strict and given:
            raise ParameterError(
                f"Figure {number} is drawn from {needs}; give one to --data, or leave --data out"
            )
        return self.clip

    def face(self) -> FaceSpecialist:
        specialist = EmoNets.load(self.faces).specialists.get("face")
        if not isinstance(specialist, FaceSpecialist):
            raise DataError(f"{self.faces}: has no face network; use the bundle paper")
        return specialist


_TITLES: dict[str, tuple[str, Sequence[str]]] = {
    "7": (
        "Figure 7: confusion matrices of single models",
        ["per cent of each true class; letters follow the order of section 3",
         "the paper's own figure is of AFEW4 validation, of which nothing is left"],
    ),
    "8": (
        "Figure 8: confusion matrices of two fusions",
        ["per cent of each true class", "the paper's own figure is of AFEW2 validation, five "
         "models; its authors left the predictions of two, and of the SVM on both"],
    ),
    "9": (
        "Figure 9: weights of random searches",
        ["the paper's own figure: (a) of AFEW2, (b) of AFEW4, five models each"],
    ),
}  # fmt: skip


def _registered(path: Path, face: FaceSpecialist) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Some grey faces of a clip in the frame of the network, and their times in seconds."""
    from emonets.one_pass import TubeReader, about_pictures, no_pictures, read_clip

    size = face.preprocessing.size

    class Pictures:
        def describe(self, tube: Any) -> Any:
            grey = face.preprocessing.register(
                tube.crops, face.preprocessing.transform, seed=tube.track, indices=tube.index
            )
            return {"grey": grey, **about_pictures(tube)}

        def empty(self) -> Any:
            return {"grey": np.empty((0, size, size), np.uint8), **no_pictures()}

    seen = read_clip(open_clip(path), {"faces": TubeReader(Pictures())}).features["faces"]
    rows = np.flatnonzero(seen["detected"])
    if not len(rows):
        raise DataError(f"{path}: has no face; give a clip with one")
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, FACES).round().astype(int))]
    return seen["grey"][rows], seen["time"][rows]
