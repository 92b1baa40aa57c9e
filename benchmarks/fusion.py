"""Fusion: how fast the random search is, and which combination holds on clips it had not seen.

    python benchmarks/fusion.py speed
    python benchmarks/fusion.py bagging
    python benchmarks/fusion.py afew2 --data ../shared/reference/afew2
    python benchmarks/fusion.py ravdess --face face.npz --audio audio.npz [more.npz] --name modern

speed: weightings a second of 396 clips × 5 models × 7 classes against a loop that scores one at a
time, in the same process, on the same draws, whose best must be the same. Seconds are of the
processor, so that a busy machine does not show. bagging: 350 searches.

afew2: what is left of the paper's models (ConvNet 1, audio, the machine on both), the searches
fitted on validation as in the paper. Which film a clip is from is not known: folds are of clips.

ravdess: 1,440 takes, five actor-independent folds; everything is fitted on out-of-fold predictions
of the training actors only. Files are those of benchmarks/fusion_stock.py, or of your own models:
clip (names), fold, proba (n, 7) by a model that had met no actor of the clip's fold, and inner
(5, n, 7), inner[f, i] by one that had met neither fold f nor the clip's own.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.evaluation.compare_fusion import Compared, compare, recommend, rows, table
from emonets.evaluation.figures import fusion_scores, fusion_weights, reliability, save
from emonets.evaluation.figures.names import in_text
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import Evidence, write_results
from emonets.fusion.bagging import BaggedFusion
from emonets.fusion.calibration import Abstainer
from emonets.fusion.nested_folds import NestedPredictions
from emonets.fusion.scoring import Scorer
from emonets.fusion.search import RandomSearch, local_weights, uniform_weights
from emonets.fusion.strategies import STRATEGIES, make_fusion
from emonets.reproduction.afew2_fusion import MODELS, stored_predictions
from fusion_stock import takes

Floats = NDArray[np.float64]
CLIPS, MODEL_COUNT, CLASSES, DRAWS, ROUNDS = 396, 5, 7, 20_000, 5
MADE_UP = "made-up predictions, 396 clips × 5 models × 7 classes"
FIGURES = Path("docs/figures")


def made_up(seed: int = 0) -> tuple[Floats, NDArray[np.intp]]:
    """Five models about as good as the paper's: right on 24 to 34 % of the clips."""
    random = np.random.default_rng(seed)
    y = random.integers(0, CLASSES, CLIPS)
    p = random.dirichlet(np.full(CLASSES, 0.6), size=(CLIPS, MODEL_COUNT))
    lift = np.linspace(0.25, 0.45, MODEL_COUNT) * (random.random((CLIPS, 1)) < 0.35)
    p[np.arange(CLIPS), :, y] += lift
    return p / p.sum(axis=2, keepdims=True), y


def loop(p: Floats, y: NDArray[np.intp], weights: Floats) -> tuple[int, float]:
    """The first of the best weightings, scored one at a time."""
    place, best = -1, -1.0
    for i, w in enumerate(weights):
        score = float(((w * p).sum(axis=1).argmax(axis=1) == y).mean())
        if score > best:
            place, best = i, score
    return place, best


def speed() -> None:
    p, y = made_up()
    random = np.random.default_rng(1)
    taken: dict[str, list[float]] = {"loop": [], "at once": [], "search": []}
    for round_number in range(ROUNDS):
        weights = uniform_weights(random, DRAWS, MODEL_COUNT, CLASSES)
        if round_number % 2:
            weights = local_weights(random, weights[0], DRAWS)
        start = time.process_time()
        expected = loop(p, y, weights)
        taken["loop"].append(time.process_time() - start)
        start = time.process_time()
        found = Scorer(p, y).best(weights)
        taken["at once"].append(time.process_time() - start)
        assert found is not None
        assert found[0] == expected[0]
        assert abs(found[1] - expected[1]) < 1e-12
        start = time.process_time()
        search = RandomSearch(random_state=round_number, n_uniform=DRAWS, n_local=DRAWS).fit(p, y)
        taken["search"].append((time.process_time() - start) / 2)
        print(f"round {round_number}: best {found[1]:.4f} in both, search {search.score_:.4f}")
    second = {name: DRAWS / float(np.median(seconds)) for name, seconds in taken.items()}
    ratio = float(np.median(np.divide(taken["loop"], taken["at once"])))
    whole = float(np.median(np.divide(taken["loop"], taken["search"])))
    print({name: f"{x:,.0f} weightings/s" for name, x in second.items()}, f"{ratio:.0f} ×")
    what = "random search, many weightings at once, one core"
    command = "OMP_NUM_THREADS=1 python benchmarks/fusion.py speed"

    def row(what: str, metric: str, value: float, note: str = "") -> Evidence:
        return Evidence(
            what=what, data=MADE_UP, metric=metric, value=value, command=command, note=note, seed=1
        )

    write_results(
        "fusion",
        [
            row(f"{what}, against a loop over weightings", "ratio", ratio,
                "the same draws, the same best weighting and score in every round"),
            row(what, "weightings a second", second["at once"]),
            row("a loop over weightings, one core", "weightings a second", second["loop"]),
            row("RandomSearch, draws and all, against the loop without its draws", "ratio", whole),
            row("RandomSearch, draws and all, one core", "weightings a second", second["search"]),
        ],
    )  # fmt: skip


def bagging() -> None:
    p, y = made_up()
    start = time.process_time()
    bag = BaggedFusion(RandomSearch(), n_estimators=350, random_state=0).fit(p, y)
    minutes = (time.process_time() - start) / 60
    print(f"350 searches of 40,000 weightings: {minutes:.1f} minutes of one core")
    print(
        f"right where fitted: {bag.score(p, y):.1%}; each on its resample {bag.scores_.mean():.1%}"
    )
    write_results(
        "fusion",
        [
            Evidence(
                what="bagging of 350 searches of 40,000 weightings, one core", data=MADE_UP,
                metric="minutes", value=minutes, seed=0,
                command="OMP_NUM_THREADS=1 python benchmarks/fusion.py bagging",
            )
        ],
    )  # fmt: skip


def show(result: Compared) -> None:
    print(
        f"{result.name:22s} fitted {result.fitted:.1%}  out of fold {result.accuracy:.1%}  "
        f"gain {result.gain:+.1%}  calibration {result.calibration_error:.1%}  "
        f"{result.seconds:.1f} s",
        flush=True,
    )


def afew2(data: Path, strategies: list[str]) -> None:
    valid, train = stored_predictions(data, "valid"), stored_predictions(data, "train")
    command = "python benchmarks/fusion.py afew2 --data AFEW2"
    mean = (valid.P[:, :2].mean(axis=1).argmax(axis=1) == valid.labels).mean()
    print(f"mean of ConvNet 1 and audio: {mean:.2%} (paper 39.90 %)")
    assert round(100 * mean, 2) == 39.90
    for chosen in ((0, 1), (0, 1, 2)):
        models = list(chosen)
        names = [MODELS[j] for j in models]
        title = "AFEW2 validation, " + ("two models" if len(models) == 2 else "three models")
        results = compare(
            valid.P[:, models], valid.labels, models=names, strategies=strategies, folds=10,
            progress=show,
        )  # fmt: skip
        print(title, "recommended:", recommend(results, valid.labels))
        print(table(results))
        note = "films are not named, so folds are of clips"
        if 2 in models:
            note += "; ConvNet 1 + audio was chosen on these clips"
        write_results(
            "fusion",
            rows(
                results, data=title, command=command, n=len(valid.labels),
                split="10 folds of clips", note=note,
            ),
        )  # fmt: skip
        save(
            fusion_scores(
                results,
                title=title,
                legend=f"396 clips; models: {', '.join(names)}; ten folds of clips",
            ),
            FIGURES / f"fusion_afew2_{len(models)}.png",
        )
    # as the paper's second and fourth submissions: learned from clips that the models know
    made = []
    for name in strategies:
        fusion = make_fusion(name, seed=0).fit(
            train.P[:, :2], train.labels, found=train.found[:, :2]
        )
        fitted = float((fusion.predict(train.P[:, :2]) == train.labels).mean())
        said = fusion.predict_proba(valid.P[:, :2])
        score = evaluate(valid.labels, said).accuracy
        print(f"{name:22s} fitted on train {fitted:.1%}, validation {score:.1%}", flush=True)
        for metric, value, low, high in (
            ("accuracy", score.value, score.low, score.high),
            ("accuracy where fitted", fitted, None, None),
        ):
            made.append(
                Evidence(
                    what=f"fusion, {name}", data="AFEW2, two models", metric=metric, value=value,
                    low=low, high=high, n=len(valid.labels), classes=7, seed=0, command=command,
                    split="fitted on train, scored on validation",
                    note="the models had been trained on train",
                )
            )  # fmt: skip
    write_results("fusion", made)


def read(path: Path) -> tuple[NDArray[np.str_], NestedPredictions]:
    with np.load(path, allow_pickle=False) as z:
        names = np.array([str(c)[2:].split(".")[0] for c in z["clip"]])
        order = np.argsort(names)
        nested = NestedPredictions(
            z["fold"][order].astype(np.intp), z["proba"][order][:, None].astype(np.float64),
            z["inner"][:, order][:, :, None].astype(np.float64),
        )  # fmt: skip
    return names[order], nested


def ravdess(face: Path, audio: list[Path], name: str, strategies: list[str]) -> None:
    names, nested = read(face)
    for path in audio:
        others, more = read(path)
        if not np.array_equal(names, others):
            raise SystemExit(f"{path} is not of the same takes as {face}")
        nested = nested.beside(more)
    y, actor, fold = takes(np.array(["01" + n for n in names]))
    assert np.array_equal(fold, nested.fold_of)
    models = ["face", *(p.stem if len(audio) > 1 else "audio" for p in audio)]
    data = f"RAVDESS takes, face + {name}"
    command = f"python benchmarks/fusion.py ravdess --face FACE --audio AUDIO --name '{name}'"
    split = "5 actor-independent folds, nested"
    results = compare(
        nested, y, actor, models=models, strategies=strategies, progress=show
    )  # fmt: skip
    print(table(results))
    chosen = recommend(results, y, actor)
    print("recommended:", chosen)
    write_results(
        "fusion", rows(results, data=data, command=command, n=len(y), split=split, group="actor")
    )
    slug = "_".join(re.findall(r"[a-z0-9]+", name.lower()))
    save(
        fusion_scores(
            results,
            title=data,
            legend=f"{len(y):,} takes, five folds of actors; fitted on predictions of models of "
            "fewer actors",
        ),
        FIGURES / f"fusion_ravdess_{slug}.png",
    )
    best = next(r for r in results if r.name == chosen)
    mean = next((r for r in results if r.name == "mean"), None)
    if mean is not None:
        gain = difference(y, best.p, mean.p, groups=actor)
        print(f"{best.name} less the mean: {gain:+.1%}")
    save(
        reliability(y, best.p, title=f"{data}: {in_text(best.name)}"),
        FIGURES / f"fusion_reliability_{slug}.png",
    )
    write_results("fusion", abstention(nested, y, actor, data, command, split))
    search = RandomSearch(random_state=0).fit(nested.outer, y)
    save(
        fusion_weights(search.weights_, models, title=f"{data}: weights of one search"),
        FIGURES / f"fusion_weights_{slug}.png",
    )


def abstention(
    nested: NestedPredictions, y: NDArray[np.intp], actor: NDArray[np.str_], data: str,
    command: str, split: str,
) -> list[Evidence]:  # fmt: skip
    """What a threshold chosen on the training actors keeps of its promise on the others."""
    made: list[Evidence] = []
    for name in ("product", "calibrated product"):
        for wanted in (0.9, 0.7, 0.5):
            answered = np.zeros(len(y), dtype=bool)
            right = np.zeros(len(y), dtype=bool)
            for view in nested.views():
                fusion = make_fusion(name, seed=0)
                fusion.fit(view.fit, y[view.fit_rows], groups=actor[view.fit_rows])
                rule = Abstainer.for_coverage(
                    fusion.predict_proba(view.fit), y[view.fit_rows], wanted
                )
                p = fusion.predict_proba(view.test)
                answered[view.test_rows] = rule.sure(p)
                right[view.test_rows] = p.argmax(axis=1) == y[view.test_rows]
            share, accuracy = answered.mean(), right[answered].mean()
            print(f"{name}, {wanted:.0%} to be answered: {share:.1%} are, {accuracy:.1%} right")
            common: dict[str, Any] = {
                "what": f"fusion, {name}, abstaining, {wanted:.0%} to be answered", "data": data,
                "command": command, "split": split, "n": len(y), "classes": 7, "seed": 0,
            }  # fmt: skip
            made += [
                Evidence(metric="share answered", value=float(share), **common),
                Evidence(metric="accuracy", value=float(accuracy), **common),
            ]
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "bagging", "afew2", "ravdess"))
    parser.add_argument("--data", type=Path, help="of afew2: the authors' stored files")
    parser.add_argument("--face", type=Path)
    parser.add_argument("--audio", type=Path, nargs="+", default=[])
    parser.add_argument("--name", default="audio", help="of what listens, for the table")
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    options = parser.parse_args()
    if options.what == "speed":
        speed()
    elif options.what == "bagging":
        bagging()
    elif options.what == "afew2":
        afew2(options.data, options.strategies)
    else:
        ravdess(options.face, options.audio, options.name, options.strategies)


if __name__ == "__main__":
    main()
