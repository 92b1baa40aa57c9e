"""Choose how a bundle combines face and voice, by people whom it was not trained on.

    python tools/fit_strangers_fusion.py --bundle modern --data DATA --corpora DIR
        [--unheard SET=BUNDLE ...] [--install]

DATA holds ravdess_speech, ravdess_face_frames.npz, ravdess_av, crema_d and javanese_av; DIR holds
ckplus48, affectnet_subset, nemo and ased. What is not there is left out. A voice that was trained
on a corpus is not judged there. ``--unheard javanese_av=BUNDLE`` names a bundle whose voice was
not, and is judged in its place. Without --install the bundle stays as it is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emonets.bundle import find_bundle, read_bundle, write_bundle
from emonets.emotions import UNIFORM
from emonets.errors import EmoNetsError, ParameterError
from emonets.evaluation.metrics import evaluate
from emonets.evaluation.records import FOLDER, Evidence, score_rows, write_results
from emonets.fusion.average import ProductFusion
from emonets.fusion.calibrated_pool import (
    CalibratedPool,
    ChoosingSet,
    choose_pool,
    shared_temperature,
    uar_of,
)
from emonets.fusion.calibration import Abstainer, with_temperature
from emonets.fusion.named import NamedFusion
from emonets.model import EmoNets
from emonets.version import DEFAULT_BUNDLE
from strangers_predictions import (
    FACES,
    PAIRED,
    SPEECH,
    Clip,
    Floats,
    Predicted,
    clips_of,
    face_of,
    key_of,
    packaged_faces,
    voice_of,
)

MODELS = ("face", "audio")
SETS = (*FACES, *SPEECH, *PAIRED)
STRATEGY = "calibrated pool"
TRAINED_ON = {"ravdess_takes": "ravdess", "ravdess_av": "ravdess", "crema_d": "crema",
              "javanese_av": "javanese"}  # fmt: skip
"""How the names of corpora begin whose training makes a voice an unfair judge of a set."""
THIRD_PARTY = "ravdess_takes"
"""Its faces are another network's: they judge how a face is paired with a voice, and no face."""
ENOUGH = 100
"""Clips from which a calibration error is more than chance."""
COVERAGE = 0.8
OWN = ("format", "version", "classes", "checksums")  # of a manifest; written anew


@dataclass(frozen=True)
class Judged:
    """A choosing set, the clips behind it, and a note for readers."""

    chosen: ChoosingSet
    clips: Sequence[Clip]
    note: str = ""

    def uncertainty_is_known(self) -> bool:
        """Whether intervals over persons can be given."""
        return len({clip.group for clip in self.clips}) > 1


def judged_sets(
    model: EmoNets,
    data: Path,
    corpora: Path,
    cache: Path,
    unheard: Mapping[str, str],
    names: Sequence[str],
) -> list[Judged]:
    """Predictions for every one of these sets that is there."""
    keys = {name: key_of(model.specialists[name]) for name in MODELS}
    voices = {name: EmoNets.load(bundle).audio for name, bundle in unheard.items()}
    heard = " ".join(model.provenance.names().get("audio", []))
    out: list[Judged] = []
    for name in names:
        clips = clips_of(name, data, corpora)
        if not clips:
            print(f"{name}: is not there and is left out")
            continue
        face = voice = None
        note = ""
        if name == THIRD_PARTY:
            face = packaged_faces(clips, data / "ravdess_face_frames.npz")
            note = "the face is a third party's network"
        elif name not in SPEECH:
            face = face_of(model.face, name, clips, cache, keys["face"])
        if name in voices:
            voice = voice_of(voices[name], name, clips, cache, key_of(voices[name]))
            note = "; ".join([*([note] if note else []), "the voice is of a network that was not "
                              "trained on this corpus, by the same recipe"])  # fmt: skip
        elif name in FACES or TRAINED_ON.get(name, "-") in heard:
            if name in PAIRED:
                print(f"{name}: the voice was trained on it and is not judged (--unheard)")
                if name == THIRD_PARTY:
                    continue
                note = "the voice was trained on this corpus and is not judged"
        else:
            voice = voice_of(model.audio, name, clips, cache, keys["audio"])
        out.append(Judged(_set(name, clips, face, voice), clips, note))
    return out


def _set(
    name: str, clips: Sequence[Clip], face: Predicted | None, voice: Predicted | None
) -> ChoosingSet:
    p = np.full((len(clips), len(MODELS), 7), UNIFORM)
    found = np.zeros(p.shape[:2], bool)
    for j, one in enumerate((face, voice)):
        if one is not None:
            p[:, j], found[:, j] = one.p, one.found
    y = np.array([clip.label for clip in clips])
    if name != THIRD_PARTY:
        return ChoosingSet(name, p, y, found)
    own = found[:, 0]
    heat = shared_temperature([(p[own, 0], y[own])])
    p[own, 0] = with_temperature(p[own, 0], heat)
    return ChoosingSet(name, p, y, found, calibrated=(0,))


def ways(sets: Sequence[Judged], pool: CalibratedPool, one: Judged) -> dict[str, Floats]:
    """Probabilities (n, 7) of a set in each way that is compared."""
    s = one.chosen
    out = {name: s.p[:, j] for j, name in enumerate(MODELS) if s.judged[j]}
    if s.judged.all():
        out["product"] = ProductFusion.untrained(len(MODELS)).predict_proba(s.p, found=s.found)
        others = [other.chosen for other in sets if other is not one]
        if sum(other.judged.all() for other in others):
            out["pool chosen without this set"] = choose_pool(others).fuse_set(s)
        out["pool"] = pool.fuse_set(s)
    else:
        (name,) = out
        out[f"{name}, calibrated"] = pool.fuse_set(s)
        others = [other.chosen for other in sets if other is not one]
        if any(other.own(MODELS.index(name)) is not None for other in others):
            out[f"{name}, calibrated without this set"] = choose_pool(others).fuse_set(s)
    return out


def rows_of(
    sets: Sequence[Judged], pool: CalibratedPool, bundle: str, command: str
) -> list[Evidence]:
    """What is measured, and printed."""
    rows: list[Evidence] = []
    errors: dict[str, list[float]] = {}
    print(f"\n{'set':15} {'n':>4}  {'way':30} {'UAR':>22}  calibration error")
    for one in sets:
        s = one.chosen
        groups = [clip.group for clip in one.clips] if one.uncertainty_is_known() else None
        for way, p in ways(sets, pool, one).items():
            made = evaluate(s.y, p, groups=groups)
            about = {
                "what": f"{bundle}, {way}", "data": s.name, "command": command, "note": one.note,
                "split": "choosing set", "group": "" if groups is None else "person",
            }  # fmt: skip
            uar = next(r for r in score_rows(made, **about) if r.metric == "uar")
            error = float(made.calibration_error or 0.0)
            rows += [
                uar,
                replace(uar, metric="calibration_error", value=error, low=None, high=None),
            ]
            shown = f"{uar.value:.1%} [{uar.low:.1%}, {uar.high:.1%}]"
            print(f"{s.name:15} {len(s.y):4}  {way:30} {shown:>22}  {error:.1%}")
            if len(s.y) >= ENOUGH:
                errors.setdefault(way, []).append(error)
    final = [
        *errors.get("pool", []),
        *(e for w, some in errors.items() if w.endswith(", calibrated") for e in some),
    ]
    plain = [*errors.get("product", []), *(e for w, some in errors.items()
             if w in MODELS for e in some)]  # fmt: skip
    for what, some in (("with the pool", final), ("single models and product", plain)):
        if some:
            print(f"mean calibration error, {what}: {np.mean(some):.1%} of {len(some)} rows")
    if final:
        rows.append(
            Evidence(
                what=f"{bundle}, as predicted",
                data=f"mean of the sets of {ENOUGH} clips and more",
                metric="calibration_error",
                value=float(np.mean(final)),
                command=command,
                split="choosing set",
                n=len(final),
            )
        )
    return rows


def install(
    bundle: str, model: EmoNets, pool: CalibratedPool, sets: Sequence[Judged], command: str
) -> None:
    """Write the bundle again with this fusion; everything else stays as it was to the last bit."""
    rest = [name for name in model.specialists if name not in MODELS]
    whole = CalibratedPool.of(
        [*pool.temperatures_, *(1.0 for _ in rest)],
        [*pool.weights_, *(0.0 for _ in rest)],
        [*pool.offsets_, *(np.zeros(7) for _ in rest)],
    )
    both = [one.chosen for one in sets if one.chosen.judged.all()]
    rule = None
    if sum(len(s.y) for s in both) >= ENOUGH:
        fused = np.concatenate([pool.fuse_set(s) for s in both])
        rule = Abstainer.for_coverage(fused, np.concatenate([s.y for s in both]), COVERAGE)
    fusion = NamedFusion(whole, (*MODELS, *rest), STRATEGY, rule)
    before = read_bundle(find_bundle(bundle))
    manifest = {key: value for key, value in before.manifest.items() if key not in OWN}
    arrays = dict(before.arrays)
    manifest["fusion"], arrays["fusion"] = fusion.to_arrays()
    manifest["card"] = {
        **manifest["card"],
        "fusion": {
            "strategy": STRATEGY,
            "chosen_on": {one.chosen.name: len(one.chosen.y) for one in sets},
            "temperatures": dict(zip(MODELS, pool.temperatures_.round(4).tolist(), strict=True)),
            "weights": dict(zip(MODELS, pool.weights_.round(4).tolist(), strict=True)),
            "offsets": dict(zip(MODELS, pool.offsets_.round(4).tolist(), strict=True)),
            "without_weight": rest,
            "command": command,
        },
    }
    after = read_bundle(write_bundle(before.path, manifest, arrays))
    for part, some in before.arrays.items():
        for name, array in some.items():
            if part != "fusion":
                np.testing.assert_array_equal(array, after.arrays[part][name], f"{part}: {name}")
    print(f"{before.path}: {EmoNets.load(before.path).describe()['decision']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("strangers.store"))
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--unheard", nargs="*", default=[], metavar="SET=BUNDLE")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the results")
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        unheard = dict(_pair(text) for text in options.unheard)
        model = EmoNets.load(options.bundle)
        lacking = [name for name in MODELS if name not in model.specialists]
        if lacking:
            raise ParameterError(
                f"{options.bundle}: has no {lacking[0]}, so nothing is to be fused"
            )
        sets = judged_sets(
            model, options.data, options.corpora, options.cache, unheard, options.sets
        )
    except EmoNetsError as error:
        raise SystemExit(f"error: {error}") from None
    pool = choose_pool([one.chosen for one in sets])
    command = (
        f"python tools/fit_strangers_fusion.py --bundle {options.bundle} --data DATA --corpora DIR"
    )
    if tuple(options.sets) != SETS:
        command += f" --sets {' '.join(options.sets)}"
    if unheard:
        command += " --unheard" + "".join(f" {name}=BUNDLE" for name in unheard)
    rows = rows_of(sets, pool, str(options.bundle), command)
    write_results("strangers_fusion", rows, options.out)
    for name, t, w in zip(MODELS, pool.temperatures_, pool.weights_, strict=True):
        print(f"{name}: temperature {t:.3f}, weight {w:.3f}")
    print(f"offsets:\n{pool.offsets_.round(2)}")
    for one in sets:
        s = one.chosen
        if s.judged.all():
            loss = max(uar_of(s.p[:, j], s.y) for j in range(len(MODELS))) - uar_of(
                pool.fuse_set(s), s.y
            )
            if loss > 1e-9:
                print(f"{s.name}: the pool is {loss:.1%} worse than the better single model")
    if options.install:
        install(options.bundle, model, pool, sets, command)
    print(f"{time.monotonic() - began:.0f} s")


def _pair(text: str) -> tuple[str, str]:
    name, equals, bundle = text.partition("=")
    if not (equals and bundle) or name not in PAIRED:
        raise ParameterError(
            f"--unheard takes SET=BUNDLE with a set of {', '.join(PAIRED)}, got {text!r}"
        )
    return name, bundle


if __name__ == "__main__":
    main()
