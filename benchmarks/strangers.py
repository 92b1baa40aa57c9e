"""Bundles and packaged peers on corpora that they were not trained on: faces, speech, films.

    python benchmarks/strangers.py --bundle modern paper --data ../shared/data \\
        --corpora CORPORA --peers PEERS --work WORK

``--corpora`` has a folder for each corpus (``stranger_corpora.py``); one that is absent is named
and left out. Faces are found and framed as ``predict`` does it, for peers too. CK+48 is framed
already: its pictures go to every network as they are. At most ``--limit`` items a class are drawn,
by a digest of their names.

A corpus that a bundle was trained on, by the fingerprints in the bundle, is marked and left out of
the mean; single items that were trained on are left out of the scores. ``--left-out CORPUS=BUNDLE``
names a bundle whose network was trained like the first one's, without this corpus; it is scored
there in its place. What the peers were trained on is not known.

UAR is given among the classes present and as predicted (``emonets.evaluation.strangers``). With
``--normalise`` the scores of each person's items normalised by that person stand beside, as a mode
of their own: they depend on the person's other items.

What was found in pictures and clips is kept in WORK, so that another bundle is scored quickly.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import emonets
from emonets.datasets import open_dataset
from emonets.datasets.base import Dataset
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import EmoNetsError
from emonets.evaluation.corpora import (
    CorpusScore,
    answers_of,
    framed_answers,
    groups_of,
    score_corpus,
    seen_by_system,
    seen_in_training,
    usable,
)
from emonets.evaluation.metrics import Score
from emonets.evaluation.records import Evidence, write_results
from emonets.evaluation.strangers import Answers, mark, mean_score
from emonets.media.clip import open_clip
from emonets.model import EmoNets
from emonets.provenance.seen import Seen
from emonets.runtime.store import parameter_digest
from kept_passes import KeptPasses, framed
from peers import System, packaged
from stranger_corpora import (
    CORPORA,
    FACES,
    FILMS,
    NOT_IN_MEAN,
    SPEECH,
    Corpus,
    Rows,
    drawn,
    small_face,
    without_copies,
)

NORMALISED = "normalised by person"
MODULE = "emonets.learners.group_scaling"


def normaliser() -> Callable[..., NDArray[np.float64]] | None:
    """``normalise_by_person``, where this version of emonets has it."""
    try:
        found = getattr(importlib.import_module(MODULE), "normalise_by_person", None)
    except ImportError:
        return None
    return found if callable(found) else None


def normalised(answers: Answers) -> Answers | None:
    """Answers of which each person's are standardised by that person; None without persons."""
    function = normaliser()
    if function is None or answers.groups is None:
        return None
    p, use = answers.p.copy(), answers.found
    if not use.any():
        return None
    p[use] = function(answers.p[use], answers.groups[use])
    return replace(answers, p=p)


class Bench:
    """One run: corpora opened once, systems scored on each, rows of evidence."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work: Path = options.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.opened: dict[tuple[str, str], tuple[Dataset, Rows] | str] = {}
        self.scores: dict[tuple[str, str], list[tuple[CorpusScore, str]]] = {}

    def open(self, corpus: Corpus) -> tuple[Dataset, Rows] | str:
        """The corpus and the rows that are scored; or a sentence why there is none."""
        key = (corpus.name, corpus.folder)
        if key not in self.opened:
            self.opened[key] = self._open(corpus)
        return self.opened[key]

    def _open(self, corpus: Corpus) -> tuple[Dataset, Rows] | str:
        root = self.options.data if corpus.shared else self.options.corpora
        if root is None:
            return f"{corpus.name}: no folder was given for it"
        try:
            data = open_dataset(root / corpus.folder, corpus.layout, strict=False)
            rows = corpus.pick(data, self.work)
        except EmoNetsError as error:
            return f"{corpus.name}: {error}"
        if corpus.without:
            rows = rows[data.labels[rows] != EMOTIONS.index(corpus.without)]
        limit = self.options.films_limit if corpus.kind == FILMS else self.options.limit
        rows = drawn(data, rows, limit)
        if corpus.copies:
            rows = without_copies(data, rows, self.work)
        return (data, rows) if len(rows) else f"{corpus.name}: none of its items is scored"

    def bundle(self, name: str, chosen: Sequence[Corpus], what: str = "", note: str = "") -> None:
        """Score a bundle on corpora, under its own name or another's, with a note on each."""
        try:
            model = emonets.load(name)
        except EmoNetsError as error:
            print(f"bundle {name}: {error}; left out")
            return
        what = what or short(name)
        for corpus in chosen:
            part = usable(model, corpus.kind)
            given = self.open(corpus)
            if part is None or isinstance(given, str):
                why = given if isinstance(given, str) else f"{what} has nothing for {corpus.kind}"
                print(f"{corpus.name}: left out ({why})", flush=True)
                continue
            began = time.monotonic()
            data, rows = given
            seen = {} if self.options.no_check else self.seen(part, data, rows)
            if self.options.skip_known and self.known(corpus.name, part, seen, len(rows)):
                print(f"{corpus.name}: {what} was trained on it; left out", flush=True)
                continue
            try:
                answers = self.answers(name, part, corpus, data, rows)
            except EmoNetsError as error:
                print(f"{corpus.name}: left out ({error})", flush=True)
                continue
            self.add(corpus, answers, seen, f"{what}, ", note)
            print(f"  {what}, {corpus.name}: {time.monotonic() - began:.0f} s", flush=True)

    def known(self, name: str, part: EmoNets, seen: Mapping[str, Seen], n: int) -> bool:
        """Whether every specialist was trained on the corpus."""
        return all(mark(name, n, seen_by_system(seen, one)).trained_on for one in part.specialists)

    def seen(self, part: EmoNets, data: Dataset, rows: Rows) -> dict[str, Seen]:
        """What the bundle was trained on of these items, kept by the bundle's corpora."""
        keys = {
            name: [corpus.key for corpus in part.provenance.of(name)] for name in part.specialists
        }
        names = [str(data.items[i].path.relative_to(data.root)) for i in rows.tolist()]
        file = self.work / f"seen_{parameter_digest(data.name, names, keys)}.npz"
        if not file.is_file():
            passes = KeptPasses(self.work / "passes")
            found = seen_in_training(part, data, rows, store=passes.store)
            np.savez(file, **{
                f"{name} {what}": getattr(one, what)
                for name, one in found.items() for what in ("content", "fingerprint", "group")
            })  # fmt: skip
        arrays = np.load(file, allow_pickle=False)
        made = {}
        for name in part.specialists:
            unchecked = tuple(c.name for c in part.provenance.of(name) if not len(c))
            if f"{name} content" in arrays:
                made[name] = Seen(
                    *(arrays[f"{name} {what}"] for what in ("content", "fingerprint", "group")),
                    unchecked,
                )
        return made

    def answers(
        self, name: str, part: EmoNets, corpus: Corpus, data: Dataset, rows: Rows
    ) -> dict[str, Answers]:
        if corpus.framed:
            return framed_answers(part, data, rows)
        items = [data.items[i] for i in rows.tolist()]
        passes = KeptPasses(self.work / "passes", name, part)
        return answers_of(part, items, groups=groups_of(data, rows), pass_over=passes)

    def peers(self, systems: Sequence[System], chosen: Sequence[Corpus]) -> None:
        """Score packaged networks on the same faces."""
        passes = KeptPasses(self.work / "passes")
        for corpus in chosen:
            given = self.open(corpus)
            if isinstance(given, str) or corpus.kind != FACES:
                continue
            data, rows = given
            if corpus.framed:
                faces = [small_face(data.items[i].path)[None] for i in rows.tolist()]
            else:
                faces = [_found(passes, data.items[i].path) for i in rows.tolist()]
            for system in systems:
                p, found = self.of_peer(system, corpus, data, rows, faces)
                answers = Answers(data.labels[rows], p, found, groups_of(data, rows))
                self.add(corpus, {system.what: answers}, {}, "")

    def of_peer(
        self, system: System, corpus: Corpus, data: Dataset, rows: Rows,
        faces: Sequence[NDArray[np.uint8]],
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:  # fmt: skip
        """The mean over the faces of each picture, as our own networks do it; kept in WORK."""
        names = [str(data.items[i].path.relative_to(data.root)) for i in rows.tolist()]
        file = self.work / f"peer_{parameter_digest(system.what, data.name, names, corpus.framed)}"
        file = file.with_suffix(".npz")
        if not file.is_file():
            p = np.full((len(rows), len(EMOTIONS)), UNIFORM)
            for i, own in enumerate(faces):
                if len(own):
                    p[i] = np.mean([system.predict(face) for face in own], axis=0)
            p /= p.sum(axis=1, keepdims=True)
            np.savez(file, p=p)
        p = np.load(file, allow_pickle=False)["p"]
        return p, np.array([len(own) > 0 for own in faces])

    def add(
        self, corpus: Corpus, answers: Mapping[str, Answers], seen: Mapping[str, Seen], what: str,
        note: str = "",
    ) -> None:  # fmt: skip
        """Score answers, and the same normalised by person as a mode of its own."""
        modes = [("", answers)]
        if self.options.normalise:
            other = {name: normalised(given) for name, given in answers.items()}
            modes.append((NORMALISED, {k: v for k, v in other.items() if v is not None}))
        for mode, given in modes:
            for score in score_corpus(corpus.name, given, seen, seed=self.options.seed):
                system = what + score.system + (f", {mode}" if mode else "")
                if score.problem or score.mark is None:
                    print(f"{corpus.name}, {system}: {score.problem}")
                    continue
                about = replace(score.mark, note="; ".join(filter(None, [score.mark.note, note])))
                one = (replace(score, system=system, mark=about), corpus.split)
                self.scores.setdefault((corpus.kind, system), []).append(one)


def short(bundle: str) -> str:
    """How rows name a bundle: by its folder's name."""
    return Path(bundle).name


def _found(passes: KeptPasses, path: Path) -> NDArray[np.uint8]:
    """(n, 80, 80, 3) the framed faces of a picture; none where it has none or is damaged."""
    try:
        tubes = passes.tubes(open_clip(path))
    except EmoNetsError:
        tubes = []
    crops = [framed(tube.crops) for tube in tubes]
    return np.concatenate(crops) if crops else np.zeros((0, 80, 80, 3), np.uint8)


def rows_of(score: CorpusScore, split: str, command: str, seed: int) -> Iterator[Evidence]:
    """The numbers of one system on one corpus: among the classes present, and as predicted."""
    assert score.mark is not None
    for how, part in (("classes present", score.among), ("as predicted", score.seven)):
        assert part is not None
        notes = [score.mark.note, "not in the mean" if score.mark.trained_on else ""]
        if part.unanswered:
            notes.append(f"{part.unanswered} without an answer, counted as wrong")
        numbers: list[tuple[str, Score | float | None]] = [
            ("uar", part.uar), ("recall disgust", part.recall.get("disgust")),
            ("recall fear", part.recall.get("fear")),
            ("calibration_error", part.calibration_error),
        ]  # fmt: skip
        for metric, number in numbers:
            if number is None:
                continue
            ends = {}
            if isinstance(number, Score):
                ends = {"low": number.low, "high": number.high}
            yield Evidence(
                what=score.system, data=score.corpus, classes=part.classes,
                split=f"{split}; {how}", group=score.group, n=part.n,
                dropped=score.mark.dropped, metric=metric,
                value=number.value if isinstance(number, Score) else number, seed=seed,
                command=command, note="; ".join(filter(None, notes)), **ends,
            )  # fmt: skip


def means_of(
    kind: str, system: str, scores: Sequence[CorpusScore], command: str, seed: int
) -> Iterator[Evidence]:
    """The mean of a system over the corpora of a modality that it was not trained on."""
    used = [one for one in scores if one.counts and one.corpus not in NOT_IN_MEAN]
    if not used:
        return
    for how in ("classes present", "as predicted"):
        parts = [one.among if how == "classes present" else one.seven for one in used]
        known = [part for part in parts if part is not None]
        numbers = {"uar": [part.uar for part in known]}
        for name in ("disgust", "fear"):
            numbers[f"recall {name}"] = [p.recall[name] for p in known if name in p.recall]
        errors = [p.calibration_error for p in known if p.calibration_error is not None]
        numbers["calibration_error"] = [Score(error, error, error) for error in errors]
        for metric, values in numbers.items():
            if not values:
                continue
            one = mean_score(values)
            ends = {} if metric == "calibration_error" else {"low": one.low, "high": one.high}
            yield Evidence(
                what=system, data=f"mean of {kind}", split=f"corpora not trained on; {how}",
                n=sum(part.n for part in known), metric=metric, value=one.value, seed=seed,
                command=command, note=", ".join(score.corpus for score in used), **ends,
            )  # fmt: skip


def matrix(kind: str, rows: Sequence[Evidence]) -> str:
    """A short table of UAR among the classes present: corpora by systems."""
    mine = [row for row in rows if row.metric == "uar" and "present" in row.split]
    systems = list(dict.fromkeys(row.what for row in mine))
    data = list(dict.fromkeys(row.data for row in mine))
    lines = [f"{kind:26s} " + " ".join(f"{name[-18:]:>18s}" for name in systems)]
    for name in sorted(data, key=lambda one: one.startswith("mean")):
        by = {row.what: row for row in mine if row.data == name}
        cells = [
            f"{100 * by[s].value:.1f}" + ("*" if "not in the mean" in by[s].note else "")
            if s in by else "" for s in systems
        ]  # fmt: skip
        lines.append(f"{name:26s} " + " ".join(f"{cell:>18s}" for cell in cells))
    return "\n".join(lines)


def parsed() -> argparse.Namespace:
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", nargs="*", default=["modern", "paper"])
    parser.add_argument("--left-out", action="append", default=[], metavar="CORPUS=BUNDLE")
    parser.add_argument("--data", type=Path, help="folder of RAVDESS, EMO-DB, the Javanese films …")
    parser.add_argument("--corpora", type=Path, help="folder with a folder for each other corpus")
    parser.add_argument("--peers", type=Path, help="folder of unpacked packages (peers.py)")
    parser.add_argument("--work", type=Path, default=Path("emonets-work"))
    parser.add_argument("--only", nargs="*", default=[], help="names of corpora, or of modalities")
    parser.add_argument("--limit", type=int, default=150, help="items a class; 0: all")
    parser.add_argument("--films-limit", type=int, default=0, help="films a class; 0: all")
    parser.add_argument("--normalise", action="store_true", help="by person, as a mode of its own")
    parser.add_argument("--no-check", action="store_true", help="do not compare with training data")
    parser.add_argument(
        "--skip-known", action="store_true", help="do not score corpora that were trained on"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=root / "docs" / "results" / "strangers")
    return parser.parse_args()


def command_of(options: argparse.Namespace, system: str) -> str:
    """The command that measures a system again; paths are as the text at the top names them."""
    text = "python benchmarks/strangers.py --data DATA --corpora CORPORA --work WORK --bundle"
    owner = system.split(",", maxsplit=1)[0]
    names = [short(name) for name in options.bundle]
    text += f" {owner}" if owner in names else " --peers PEERS"
    if names and owner == names[0]:
        for corpus in sorted(pair.split("=")[0] for pair in options.left_out):
            text += f" --left-out {corpus}=BUNDLE"
    if options.only:
        text += " --only " + " ".join(shlex.quote(name) for name in options.only)
    if options.limit != 150:
        text += f" --limit {options.limit}"
    if options.films_limit:
        text += f" --films-limit {options.films_limit}"
    if options.no_check:
        text += " --no-check"
    return text + (" --normalise" if NORMALISED in system else "")


def rows_of_all(bench: Bench) -> list[Evidence]:
    """All numbers, by modality and system; a short table of each modality is printed."""
    rows: list[Evidence] = []
    options = bench.options
    for kind in (FACES, SPEECH, FILMS):
        new: list[Evidence] = []
        for (where, system), scores in bench.scores.items():
            if where != kind:
                continue
            command = command_of(options, system)
            for score, split in scores:
                new += rows_of(score, split, command, options.seed)
            new += means_of(kind, system, [one for one, _ in scores], command, options.seed)
        if new:
            print(matrix(kind, new), flush=True)
        rows += new
    return rows


def main() -> None:
    options = parsed()
    cv2.setNumThreads(1)
    if options.normalise and normaliser() is None:
        print("normalising by the person: this version of emonets has none; left out")
        options.normalise = False
    chosen = [c for c in CORPORA if not options.only or {c.name, c.kind} & set(options.only)]
    left_out = dict(pair.split("=", 1) for pair in options.left_out)
    bench = Bench(options)
    if options.peers is not None:
        bench.peers(list(packaged(options.peers)), chosen)
    for number, name in enumerate(options.bundle):
        instead = {} if number else left_out
        bench.bundle(name, [c for c in chosen if c.name not in instead])
        for corpus in [c for c in chosen if c.name in instead]:
            note = "by the same network trained without this corpus"
            bench.bundle(instead[corpus.name], [corpus], short(name), note)
    if rows := rows_of_all(bench):
        write_results(options.results.name, rows, options.results.parent)


if __name__ == "__main__":
    main()
