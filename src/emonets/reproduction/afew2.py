"""From the authors' stored frame probabilities to their stored labels (AFEW2, paper table 1).

The descriptors (``specialists.descriptor``) and the SVMs (``CoupledSVC``) are ours. Each step uses
the output of the step before. Taken from the authors' files are the frame probabilities at the
start, the order of the clips, the audio model's predictions, and the values to compare with.
Undocumented behaviour of their programs is in ``afew2_quirks``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError
from emonets.evaluation.records import write_results
from emonets.learners.grid_search import Point, best_point, grid_points, grid_scores
from emonets.learners.svm.coupled import CoupledSVC
from emonets.reproduction import afew2_quirks as quirks
from emonets.reproduction.afew2_files import (
    DESCRIPTORS,
    SPLITS,
    Arrays,
    AudioTable,
    ClipFrames,
    Floats,
    clip_key,
    needed,
    read_audio,
    read_descriptors,
    read_frames,
    read_svm,
)
from emonets.reproduction.afew2_report import (
    Check,
    ReplayReport,
    compare_clips,
    count,
    line,
    near,
    percent,
    predictions,
    result_rows,
    same,
    same_machine,
)
from emonets.result import check_writable
from emonets.runtime.files import write_whole
from emonets.specialists import descriptor

log = logging.getLogger(__name__)

PRINT = 1e-6 + 1e-9
"""Frames and descriptors have six digits: half a unit each, and rounding errors."""

EXACT = 1e-6
"""Tolerance of probabilities on the authors' own features (measured: 1e-13)."""

CONVNET_SVM: Point = {"C": 18.1, "gamma": 1 / 70}
"""C is the authors' largest coefficient, gamma libsvm's default for 70 features."""

GRID = [quirks.five_digits(2.0 ** (step / 5)) for step in range(11)]
"""The second SVM's fine grid, for C and gamma alike: 2 to the 0, 0.2 … 2."""

PAPER: dict[str, dict[str, float]] = {
    "ConvNet": {"train": 45.79, "validation": 38.13},
    "audio": {"train": 58.16, "validation": 29.29},
    "mean of ConvNet and audio": {"validation": 39.90},
}
"""Per cent of all clips (table 1 and section 4.1)."""


def reproduce_afew2(
    folder: str | Path,
    *,
    n_jobs: int | None = -1,
    on_check: Callable[[Check], object] = lambda check: None,
) -> ReplayReport:
    """Replay everything that the files in ``folder`` allow.

    Parameters
    ----------
    folder : with any of train/, validation/, test/ (``frame_by_frame.csv`` and the four
        descriptor files) and ``svm_convnet.npz``, ``svm_convnet_audio.npz``, ``audio_train.txt``,
        ``audio_valid.txt`` (``audio_test.txt``).
    n_jobs : processes of the grid search.
    on_check : called with each line, as soon as it is computed.

    Raises
    ------
    DataError : no such folder, none of the three parts in it, or a file that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the one that holds train/ and validation/")
    if not any((folder / split / "frame_by_frame.csv").is_file() for split in SPLITS):
        raise DataError(
            f"{folder}: none of train/, validation/, test/ with a frame_by_frame.csv is in it; "
            "give the folder that holds them"
        )
    report = ReplayReport(str(folder))
    checks = _Replay(folder, n_jobs).checks()
    while True:
        try:
            check = next(checks, None)
        except (ValueError, IndexError, KeyError) as error:
            raise DataError(f"{folder}: the files do not fit each other ({error})") from error
        if check is None:
            return report
        report.checks.append(check)
        on_check(check)


def run(
    folder: str | Path,
    json_path: str | Path | None = None,
    show: Callable[[str], object] = print,
    *,
    n_jobs: int | None = -1,
    results: str | Path | None = None,
    command: str = "emonets reproduce afew2 --data DIR --json FILE",
) -> int:
    """Replay, print stored against ours line by line, and return 0 if all is equal, else 1.

    Parameters
    ----------
    folder, n_jobs : see :func:`reproduce_afew2`.
    json_path : where to write the report as JSON.
    show : called with each line of the comparison.
    results : the folder of measured tables, where ``replay_afew2`` is written. command : the
        origin that its rows name.

    Raises
    ------
    DataError : see :func:`reproduce_afew2`, or ``json_path`` cannot be written.
    """
    if json_path is not None:
        check_writable(json_path)
    show(f"{'':58} {'stored':>13} {'ours':>13}")
    report = reproduce_afew2(folder, n_jobs=n_jobs, on_check=lambda check: show(line(check)))
    show("")
    show("Undocumented behaviour of the authors' programs, repeated for this comparison only:")
    for name, what in quirks.QUIRKS.items():
        show(f"  {name}: {what}")
    show("")
    verdict = "everything compared is equal" if report.all_equal else "NOT all is equal"
    show(
        f"{report.compared - report.different} of {report.compared} comparisons equal, "
        f"{report.unavailable} not available: {verdict}"
    )
    if json_path is not None:
        try:
            text = json.dumps(report.to_json(), indent=1, allow_nan=False)
            write_whole(json_path, (text + "\n").encode())
        except OSError as error:
            raise DataError(f"{json_path}: cannot be written ({error.strerror})") from None
    if results is not None:
        write_results("replay_afew2", result_rows(report, command), results)
    return 0 if report.all_equal else 1


class _Replay:
    """The state of one replay: the outputs of its steps, for the later ones."""

    def __init__(self, folder: Path, n_jobs: int | None) -> None:
        self.folder = folder
        self.n_jobs = n_jobs
        self.truth: dict[str, dict[int, int]] = {}
        self.descriptors: dict[str, dict[int, Floats]] = {}
        self.audio: dict[str, AudioTable] = {}
        self.convnet: dict[str, dict[int, Floats]] = {}  # probabilities, in the SVM's class order
        self.classes = np.arange(7)  # of the ConvNet SVM, in its class order

    def checks(self) -> Iterator[Check]:
        for split in SPLITS:
            path = self.folder / split / "frame_by_frame.csv"
            if path.is_file():
                yield from self._descriptors(split, read_frames(path, split))
            else:
                yield self._missing(f"{split}: descriptors", path)
        for split, stem in zip(SPLITS, ("train", "valid", "test"), strict=True):
            path = self.folder / f"audio_{stem}.txt"
            if path.is_file():
                self.audio[split] = read_audio(path)
        yield from self._convnet_svm(self.folder / "svm_convnet.npz")
        yield from self._audio_alone()
        yield from self._audio_svm(self.folder / "svm_convnet_audio.npz")

    def _missing(self, name: str, path: Path) -> Check:
        return Check(name, None, None, note=f"no {path.relative_to(self.folder)}")

    def _descriptors(self, split: str, clips: Mapping[int, ClipFrames]) -> Iterator[Check]:
        self.truth[split] = {key: clip.label for key, clip in clips.items()}
        ours: dict[str, dict[int, Floats]] = {name: {} for name in DESCRIPTORS}
        for key, clip in clips.items():
            p = clip.probabilities
            ours["segments.csv"][key] = descriptor.segments(p[quirks.segment_rows(clip.frames)])
            ours["mean.csv"][key] = descriptor.mean(p)
            ours["count.csv"][key] = descriptor.count(p)
            ours["classifications.csv"][key] = np.array([float(descriptor.classification(p))])
        self.descriptors[split] = ours["segments.csv"]
        for file in DESCRIPTORS:
            name = f"{split}: {file}, clips equal"
            path = self.folder / split / file
            if not path.is_file():
                yield self._missing(name, path)
                continue
            tolerance = 0.0 if file == "classifications.csv" else PRINT
            yield compare_clips(name, read_descriptors(path, split), ours[file], tolerance, clips)

    def _convnet_svm(self, path: Path) -> Iterator[Check]:
        name = "ConvNet SVM"
        if "train" not in self.descriptors or not path.is_file():
            yield self._missing(name, self.folder / "train" if path.is_file() else path)
            return
        stored = read_svm(path)
        features: dict[str, Floats] = {}
        keys: dict[str, list[int]] = {}
        for split, end in SPLITS.items():
            ids = stored.get(f"videoID{end}")
            if split == "train":
                ids = needed(stored, "videoIDTrain", path)
            if ids is not None and split in self.descriptors:
                keys[split] = [clip_key(str(i), split) for i in ids]
                features[split] = _rows(self.descriptors[split], keys[split], path)
        order, y = quirks.first_appearance([self.truth["train"][key] for key in keys["train"]])
        machine = _machine(CONVNET_SVM).fit(features["train"], y)
        self.classes = order
        yield from same_machine(name, stored, machine, order, path)
        yield from _on_stored_features(name, stored, CONVNET_SVM, "", path)
        for split, end in SPLITS.items():
            if split not in features:
                if split in self.descriptors or split != "test":
                    note = "not stored" if split in self.descriptors else f"no {split} descriptors"
                    yield Check(f"{name}, {split}: labels equal", None, None, note=note)
                continue
            p = machine.predict_proba(features[split])
            self.convnet[split] = dict(zip(keys[split], p, strict=True))
            truth = np.array([self.truth[split][key] for key in keys[split]])
            yield from predictions(f"{name}, {split}", stored, end.lower(), truth, p, order)
        for split, paper in PAPER["ConvNet"].items():
            name = f"ConvNet SVM, {split}: % of all clips (paper)"
            if split not in self.convnet or split not in self.audio:
                yield Check(name, paper, None, note="requires the SVM and the list of all clips")
                continue
            table = self.audio[split]
            faces = self._convnet_features(split, table)
            # Seven zeros have their maximum in the first class, angry, in canonical order
            canonical = np.empty_like(faces)
            canonical[:, self.classes] = faces
            yield percent(name, paper, canonical.argmax(axis=1) == table.labels)

    def _convnet_features(self, split: str, table: AudioTable) -> Floats:
        """The ConvNet SVM's probabilities for all clips, in its class order; zeros if no face."""
        found = self.convnet[split]
        by_name = {f"{key:07d}": key for key in found} if split == "test" else {}
        rows = []
        for name in table.names:
            key: int | None = clip_key(name, split)
            if split == "test":
                match = quirks.substring_match(name, by_name)
                key = None if match is None else by_name[match]
            rows.append(np.zeros(7) if key is None else found.get(key, np.zeros(7)))
        return np.array(rows)

    def _audio_alone(self) -> Iterator[Check]:
        for split, paper in PAPER["audio"].items():
            if split not in self.audio:
                yield Check(f"audio, {split}", paper, None, note="no file of its predictions")
                continue
            table = self.audio[split]
            ours = table.probabilities.argmax(axis=1)
            yield count(f"audio, {split}: labels equal", ours == table.predicted)
            yield percent(f"audio, {split}: % right (paper)", paper, ours == table.labels)
        name, paper = "mean of ConvNet SVM and audio, validation: %", 39.90
        if "validation" in self.audio and "validation" in self.convnet:
            table = self.audio["validation"]
            convnet = np.empty_like(table.probabilities)
            convnet[:, self.classes] = self._convnet_features("validation", table)
            # A clip without a face adds zero to every class, so the audio model alone counts
            mean = (convnet + table.probabilities) / 2
            yield percent(f"{name} (paper)", paper, mean.argmax(axis=1) == table.labels)
        else:
            yield Check(name, paper, None, note="requires both models on validation")

    def _audio_svm(self, path: Path) -> Iterator[Check]:
        name = "ConvNet + audio SVM"
        if not path.is_file():
            yield self._missing(name, path)
            return
        if not all("train" in part for part in (self.convnet, self.audio)):
            yield Check(name, None, None, note="requires both models on train")
            return
        stored = read_svm(path)
        x = {
            split: np.hstack([self._convnet_features(split, table), table.probabilities])
            for split, table in self.audio.items()
            if split in self.convnet
        }
        order, y = quirks.first_appearance(self.audio["train"].labels)
        point = {"C": GRID[6], "gamma": GRID[4]}
        if "validation" not in x:
            yield Check(f"{name}, grid", None, None, note="requires both models on validation")
        else:
            point = yield from self._grid(stored, x, y, order, path)
        machine = _machine(point).fit(x["train"], y)
        yield from same_machine(name, stored, machine, order, path)
        yield from _on_stored_features(name, stored, point, "f", path)
        for split, end in SPLITS.items():
            if split in x:
                p = machine.predict_proba(x[split])
                suffix = end.lower() + "f"
                truth = self.audio[split].labels if self.audio[split].labelled else None
                yield from predictions(f"{name}, {split}", stored, suffix, truth, p, order)
            elif split != "test":
                yield Check(f"{name}, {split}: labels equal", None, None, note=f"no {split} data")

    def _grid(
        self, stored: Arrays, x: Mapping[str, Floats], y: NDArray[np.intp],
        order: NDArray[np.intp], path: Path,
    ) -> Generator[Check, None, Point]:  # fmt: skip
        """Search the fine grid on validation; returns the best point."""
        train, valid = x["train"], x["validation"]
        target = np.argsort(order)[self.audio["validation"].labels]
        points = grid_points({"C": GRID, "gamma": GRID})
        fold = np.arange(len(train)), np.arange(len(train), len(train) + len(valid))
        scores = grid_scores(
            _machine(points[0]), points, np.vstack([train, valid]), np.concatenate([y, target]),
            [fold], n_jobs=self.n_jobs,
        )  # fmt: skip
        best = points[best_point(points, scores)]
        name = "ConvNet + audio SVM, grid"
        largest = float(np.abs(needed(stored, "model_sv_coef", path)).max())
        gamma = float(needed(stored, "model_parameters", path)[3])
        right = np.rint(scores[:, 0] * len(valid)).astype(int)
        best_count = int((right == right.max()).sum())
        yield same(f"{name}: best C", round(largest, 4), best["C"], f"of {len(points)} points")
        yield same(f"{name}: best gamma", round(gamma, 4), best["gamma"])
        yield same(f"{name}: points with the best accuracy", 1, best_count)
        predicted = needed(stored, "predict_label_valf", path)
        known = int((predicted == self.audio["validation"].labels).sum())
        yield same(f"{name}: clips right at the best point", known, int(right.max()))
        return best


def _machine(point: Point) -> CoupledSVC:
    return CoupledSVC(C=point["C"], gamma=point["gamma"], cv=quirks.MicrosoftFolds())


def _on_stored_features(
    name: str, stored: Arrays, point: Point, suffix: str, path: Path
) -> Iterator[Check]:
    """Compare our SVM with theirs on their features."""
    end = "All" if suffix else ""
    features = needed(stored, f"featureTrain{end}", path)
    _, y = quirks.first_appearance(needed(stored, f"labelTrain{'Audio' if suffix else ''}", path))
    machine = _machine(point).fit(features, y)
    for split, ending in SPLITS.items():
        x = stored.get(f"feature{ending}{end}")
        theirs = stored.get(f"prob_values_{ending.lower()}{suffix}")
        if x is not None and theirs is not None:
            ours = machine.predict_proba(x)
            yield near(f"{name} on stored features, {split}: probabilities", theirs, ours, EXACT)


def _rows(descriptors: Mapping[int, Floats], keys: Sequence[int], path: Path) -> Floats:
    unknown = [key for key in keys if key not in descriptors]
    if unknown:
        raise DataError(
            f"{path}: has clip {unknown[0]:09d}, of which frame_by_frame.csv has no face; use "
            "files of one set"
        )
    return np.array([descriptors[key] for key in keys])
