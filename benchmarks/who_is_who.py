"""Who is who in made films: tracks that hold two people, one number per person, the cost.

    python benchmarks/who_is_who.py --data ../shared/data [--photographs FILE] [--films 300]

The films are made of takes of several actors (``made_films.py``). A track is mixed if more than
two of its frames show another person than most of it. Frames in which two faces cover each other
or fade into each other count for nobody. F1 is over pairs of faces, five a second and face: pairs
of one person against pairs with one number.

Thresholds were chosen on the Javanese actors 01, 02, 03 and 05 and on press photographs of 120
people; ``OTHER_UNASKED`` on the actor of CREMA-D, too. The table is of other takes and people. Some
of its films of actors were examined while faults were mended, and two limits (``NOISE`` and the
colours of ``SUDDEN``) were changed then. No film of photographs was examined.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import numpy as np

import emonets
from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import open_clip
from emonets.tubes.detect import load_detector
from emonets.tubes.identity import IdentityReader, persons_of
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.tube import FaceTube
from made_films import FPS, Face, Film, Take, films, still_of, take_of

CHOSEN_ON = ("01", "02", "03", "05")
TOLERANCE = 2
NOTES = {
    "actors": "some of these films were examined while faults were mended",
    "photographs": "animated press photographs (--photographs), which are not shipped",
}
COMMAND = "python benchmarks/who_is_who.py --data DATA"


def nearest(faces: list[Face] | None, box: np.ndarray) -> str | None:
    """Whose face a box is on."""
    if not faces:
        return None
    x, y = (box[:2] + box[2:]) / 2
    face = min(faces, key=lambda f: np.hypot(f.x - x, f.y - y) / f.side)
    return face.person if np.hypot(face.x - x, face.y - y) < 0.5 * face.side else None


def examine(film: Film, tubes: Sequence[FaceTube]) -> dict[str, Any]:
    """What is wrong with the tubes and persons of a film."""
    reader = IdentityReader()
    for tube in tubes:
        reader.push_tube(tube)
    persons = persons_of(reader.finish())
    shown: dict[int, list[str]] = {}
    pairs: list[tuple[str, int]] = []
    for tube in tubes:
        for k, (i, box) in enumerate(zip(tube.index.tolist(), tube.boxes, strict=True)):
            person = nearest(film.faces[min(i, len(film.faces) - 1)], box)
            if person is None:
                continue
            shown.setdefault(tube.track, []).append(person)
            if k % 3 == 0:
                pairs.append((person, persons.of_track(tube.track)))
    mixed = {track: len(own) - max(Counter(own).values()) for track, own in shown.items()}
    both = same = told = 0
    for (a, p), (b, q) in combinations(pairs, 2):
        same += a == b
        told += p == q
        both += a == b and p == q
    return {
        "kind": film.kind, "mixed": sum(n > TOLERANCE for n in mixed.values()),
        "off": max(mixed.values(), default=0), "tracks": len(shown), "both": both, "same": same,
        "told": told, "people": len({a for a, _ in pairs}), "numbers": len({p for _, p in pairs}),
    }  # fmt: skip


def encoded(film: Film, folder: Path) -> Path:
    """The film as an MP4 file."""
    path = folder / "film.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=Fraction(FPS))
        stream.height, stream.width = film.pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "28"}
        for picture in film.pictures:
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def run(film: Film, *, encode: bool, verify: bool = True) -> list[FaceTube]:
    detector = load_detector()
    if not encode:
        return list(find_tubes(film, detector, verify=verify))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        return list(find_tubes(open_clip(encoded(film, Path(folder))), detector, verify=verify))


def actors(data: Path, chosen: bool) -> list[Take]:
    """Takes of the actors that thresholds were chosen on, or of all others."""
    takes = []
    files = sorted((data / "javanese_av").glob("*.mp4"))
    for actor in sorted({f.name[:2] for f in files}):
        own = [f for f in files if f.name[:2] == actor]
        if (actor in CHOSEN_ON) == chosen:
            takes += [take_of(f, f"javanese {actor}") for f in own[:: max(1, len(own) // 4)]]
    if not chosen:
        for name, pattern in (("ravdess_av", "01-*"), ("crema_d", "*")):
            own = sorted((data / name).glob(pattern))
            takes += [take_of(f, f"{name} 01") for f in own[:: max(1, len(own) // 4)]]
    return [take for take in takes if take is not None]


def photographs(file: Path, count: int, skip: int) -> list[Take]:
    """Takes of people of ``press.npz``, colour pictures (n, 96, 96, 3) with their persons."""
    content = np.load(file, mmap_mode="r")
    group, rgb = np.asarray(content["group"]), content["rgb"]
    people = np.random.default_rng(5).permutation(np.flatnonzero(np.bincount(group) == 1))
    rng = np.random.default_rng(6)
    takes = []
    for person in people[skip : skip + count]:
        picture = np.array(rgb[np.flatnonzero(group == person)[0]])
        takes.append(still_of(picture, f"press {person}", rng))
    return takes


def measure(
    takes: Sequence[Take], data: str, split: str, count: int, seed: int, verbose: bool
) -> list[Evidence]:
    found: list[dict[str, Any]] = []
    for k, film in enumerate(films(takes, count, seed)):
        whole = len({p.shape for p in film.pictures}) == 1
        tubes = run(film, encode=whole and k % 5 == 0)
        found.append(examine(film, tubes))
        if verbose and (found[-1]["mixed"] or found[-1]["same"] != found[-1]["told"]):
            print(k, found[-1], flush=True)
    return evidence(found, data, split, seed)


def evidence(found: list[dict[str, Any]], data: str, split: str, seed: int) -> list[Evidence]:
    """Rows of all films, and of each kind."""
    rows = []
    kinds = sorted({one["kind"] for one in found})
    for kind in ["all kinds", *kinds]:
        own = [one for one in found if kind in ("all kinds", one["kind"])]
        bad = sum(one["mixed"] > 0 for one in own)
        total = {key: sum(one[key] for one in own) for key in ("both", "same", "told")}
        f1 = 2 * total["both"] / max(1, total["same"] + total["told"])
        print(f"{data}, {kind}: {len(own)} films, mixed {bad}, F1 {f1:.4f}", flush=True)
        where = {"data": data, "split": split, "n": len(own), "seed": seed, "command": COMMAND}
        where["note"] = NOTES.get(data, "")
        rows.append(Evidence(what=kind, metric="films with a mixed track", value=bad, **where))
        rows.append(Evidence(what=kind, metric="f1", value=f1, **where))
    return rows


def false_ends(paths: Sequence[Path]) -> list[Evidence]:
    """Of clips that show one person without a cut, how many have a tube that ends too early."""
    bad = 0
    for path in paths:
        counts = [
            len({t.track for t in find_tubes(open_clip(path), load_detector(), verify=verify)})
            for verify in (False, True)
        ]
        if counts[1] > counts[0]:
            bad += 1
            print(f"{path.name}: {counts[0]} tracks, with checks {counts[1]}", flush=True)
    print(f"tubes that end too early: in {bad} of {len(paths)} clips", flush=True)
    return [
        Evidence(
            what="checks of who is who", data="clips of one person", split="other people",
            metric="clips with a tube that ends too early", value=bad, n=len(paths),
            command=COMMAND,
        )
    ]  # fmt: skip


def cost(paths: Sequence[Path], repeat: int) -> list[Evidence]:
    """Added time of the whole prediction, the same clips with and without, in turn."""
    from emonets import one_pass
    from emonets.tubes import pipeline

    model = emonets.load()
    spent = {True: 0.0, False: 0.0}
    original = pipeline.find_tubes
    for _ in range(repeat):
        for path in paths:
            for verify in (False, True):

                def tubes(*args: Any, _verify: bool = verify, **kwargs: Any) -> Any:
                    return original(*args, **{**kwargs, "verify": _verify})

                one_pass.find_tubes = tubes  # type: ignore[assignment]
                start = time.process_time()
                model.predict(path)
                spent[verify] += time.process_time() - start
    one_pass.find_tubes = original
    ratio = spent[True] / spent[False] - 1
    print(f"added time: {100 * ratio:.1f} %")
    return [
        Evidence(
            what="checks of who is who", data="clips of one person", metric="added share of time",
            value=ratio, n=len(paths), command=COMMAND,
            note="processor time of emonets.predict, the same clips without the checks",
        )
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, help="press.npz: further people")
    parser.add_argument("--films", type=int, default=300)
    parser.add_argument("--choose", action="store_true", help="the people of the thresholds only")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    if args.choose:
        measure(actors(args.data, True), "actors", "chosen on", args.films, 1, args.verbose)
        return
    others = actors(args.data, False)
    rows = measure(others, "actors", "other people", args.films, 2, args.verbose)
    if args.photographs is not None:
        people = photographs(args.photographs, 200, 0)
        rows += measure(people, "photographs", "other people", args.films, 3, args.verbose)
    javanese = sorted((args.data / "javanese_av").glob("*.mp4"))
    single = [clip for clip in javanese if clip.name[:2] not in CHOSEN_ON][::6]
    rows += false_ends([*single, *sorted((args.data / "ravdess_av").glob("01-*.mp4"))])
    clips = [*javanese[::40], *sorted((args.data / "crema_d").glob("*.flv"))]
    rows += cost(clips, 1)
    write_results("who_is_who", rows)


if __name__ == "__main__":
    main()
