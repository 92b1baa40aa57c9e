"""The audio network on corpora and speakers that it never learned from.

    python benchmarks/strangers_voice.py --data DATA --work WORK --before BUNDLE

DATA and WORK are those of `tools/train_voice.py`, which makes the networks. Each corpus is scored
by a run that left it out whole; nEMO and ASED on their held-out speakers by the network that ships,
whose members are the runs ``final``, ``a`` and ``b`` (none of them learned from these speakers).
BUNDLE is the network to compare with. It was trained on RAVDESS, EMO-DB and the Javanese speech, so
it has no row there.

    python benchmarks/strangers_voice.py --data DATA --work WORK --before BUNDLE --continued NAME

scores a network of `tools/continue_voice.py` instead: on the held-out speakers, and on the corpora
that ``--without`` names as left out of its training.

Only the frames near speech go to a network, as in the product. Classes that a corpus does not have
are no answer in the rows "among the classes present".
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.evaluation.metrics import Evaluation, evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.model import EmoNets
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.specialist import AudioSpecialist

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from train_voice import RUNS, seven, stored, trained_on
from voice_corpora import CORPORA, Material, material

COMMAND = "python benchmarks/strangers_voice.py --data DATA --work WORK --before BUNDLE"
SHOWN = ("final-0+a-0+b-0", "a-0", "b-0")
LEARNED_BEFORE = ("ravdess_speech", "emodb", "javanese_speech")
"""What the network to compare with was trained on."""


def among_present(p: NDArray[np.float64], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """(n, 7) with the classes that no clip has at 0, and rows that sum to one."""
    kept = p * np.isin(np.arange(7), labels)
    return kept / kept.sum(axis=1, keepdims=True)


def rows_of(
    what: str,
    corpus: Material,
    mine: NDArray[np.bool_],
    split: str,
    p: NDArray[np.float64],
    command: str,
) -> tuple[list[Evidence], Evaluation]:
    """Rows among the classes present and as predicted; and the scores among the classes present."""
    labels, speakers = corpus.labels[mine], corpus.speakers[mine]
    about = {
        "data": corpus.name, "group": "speaker", "dropped": len(corpus.dropped),
        "command": command,
    }  # fmt: skip
    present = evaluate(labels, among_present(p, labels), groups=speakers)
    rows = score_rows(
        present, what=what, split=f"{split}, among the classes present", per_class=True, **about
    )
    free = evaluate(labels, p, groups=speakers)
    rows += score_rows(free, what=what, split=f"{split}, as predicted", **about)
    return rows, present


def continued(
    args: argparse.Namespace, before: AudioSpecialist, network: SoundNetClassifier
) -> list[Evidence]:
    """Rows of a network that went on learning, beside the one that it started from."""
    assert isinstance(before.network, SoundNetClassifier)
    without = list(filter(None, args.without.split(",")))
    command = f"{COMMAND} --continued {args.continued}"
    command += f" --without {args.without}" if without else ""
    what = "voice, continued" + (f" without {', '.join(without)}" if without else "")
    rows: list[Evidence] = []
    means: dict[str, list[float]] = {}
    for name in ("nemo", "ased", *without):
        corpus = material(name, args.data, args.work / "cache")
        mine = np.ones(len(corpus.labels), bool) if name in without else corpus.held_out
        frames = [corpus.frames[i] for i in np.flatnonzero(mine)]
        split = "corpus left out" if name in without else "speakers left out"
        for which, of in ((what, network), ("audio before", before.network)):
            more, scores = rows_of(
                which, corpus, mine, split, seven(of, before.emotions, frames), command
            )
            rows += more
            means.setdefault(which, []).append(scores.uar.value)
            print(f"{which:24} {name:16} {split:20} n {scores.n:5} UAR {scores.uar}")
    for which, values in means.items():
        print(f"mean UAR over {len(values)} rows, {which}: {np.mean(values):.1%}")
        rows.append(
            Evidence(
                what=which, data=f"{len(values)} corpora", metric="uar",
                value=float(np.mean(values)), command=command,
                split="mean of rows among the classes present", n=len(values),
            )
        )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--before", required=True, metavar="BUNDLE")
    parser.add_argument("--runs", nargs="+", default=list(SHOWN))
    parser.add_argument("--continued", metavar="NAME")
    parser.add_argument("--without", default="", help="corpora, separated by commas")
    args = parser.parse_args()
    before = EmoNets.load(args.before).audio
    assert isinstance(before, AudioSpecialist)
    assert isinstance(before.network, SoundNetClassifier)
    if args.continued:
        network = stored([args.work / args.continued])
        write_results("strangers_voice", continued(args, before, network))
        return
    corpora = {name: material(name, args.data, args.work / "cache") for name in CORPORA}
    rows: list[Evidence] = []
    means: dict[str, list[float]] = {"now": [], "before": []}
    for name in args.runs:
        run = RUNS[name.split("-")[0]]
        command = COMMAND if name in SHOWN else f"{COMMAND} --runs {name}"
        network = stored([args.work / one for one in name.split("+")])
        for corpus in corpora.values():
            mine = ~trained_on(run, corpus)
            whole = corpus.name in run.without
            if not mine.any() or (
                not whole and bool(run.without) and corpus.name != "ravdess_speech"
            ):
                continue
            split = "corpus left out" if whole else "speakers left out"
            if whole and corpus.held_out.any():
                split = "corpus left out, all speakers"
            frames = [corpus.frames[i] for i in np.flatnonzero(mine)]
            found = {f"voice, run {name}": seven(network, tuple(range(7)), frames)}
            if corpus.name not in LEARNED_BEFORE:
                found["audio before"] = seven(before.network, before.emotions, frames)
            for what, p in found.items():
                more, scores = rows_of(what, corpus, mine, split, p, command)
                rows += more
                print(f"{what:24} {corpus.name:16} {split:30} n {scores.n:5} UAR {scores.uar}")
                if whole != corpus.held_out.any() and what.startswith("voice"):
                    means["now"].append(scores.uar.value)
                elif whole != corpus.held_out.any():
                    means["before"].append(scores.uar.value)
    for key, values in means.items():
        print(f"mean UAR over {len(values)} rows, {key}: {np.mean(values):.1%}")
    if len(means["now"]) == len(CORPORA):
        rows.append(
            Evidence(
                what="voice", data="nine corpora", metric="uar", value=float(np.mean(means["now"])),
                command=COMMAND, split="mean of rows among the classes present", n=len(CORPORA),
                note="held-out speakers of nEMO and ASED, every other corpus left out",
            )
        )  # fmt: skip
    write_results("strangers_voice", rows)


if __name__ == "__main__":
    main()
