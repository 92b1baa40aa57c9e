"""What a bundle keeps of what it was trained on, and which clips count as seen by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_clips import face, write_clip

from emonets.bundle import Bundle, packed, read_bundle, write_bundle
from emonets.datasets.items import Item
from emonets.errors import BundleError
from emonets.provenance.corpus import (
    PART,
    Corpus,
    Provenance,
    make_corpus,
    provenance_of,
    united,
)
from emonets.provenance.prints import Prints, prints_of, prints_of_stills
from emonets.provenance.seen import Seen, needed, seen_by, together
from emonets.runtime.store import FeatureStore


def item(path: Path, group: str = "anna", **more: Any) -> Item:
    return Item(path, 3, group, "", more.pop("kind", "clip"), "happy", **more)


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    folder = tmp_path_factory.mktemp("clips")
    return [
        item(write_clip(folder / f"{seed}.mp4", seed), f"person {seed // 2}") for seed in range(4)
    ]


@pytest.fixture(scope="module")
def prints(items: list[Item]) -> Prints:
    return prints_of(items)


def corpus_of(prints: Prints, groups: list[str]) -> Corpus:
    return make_corpus("My Clips", prints, groups, licence="mine", citation="@misc{me}")


def seen_one(corpus: Corpus, prints: Prints, groups: list[str]) -> Seen:
    return seen_by(Provenance({"face": (corpus,)}), prints, groups)["face"]


def test_a_bundle_keeps_its_provenance(prints: Prints, items: list[Item], tmp_path: Path) -> None:
    clips = corpus_of(prints, [i.group for i in items])
    stills = make_corpus("faces", prints_of_stills(np.stack([face(0), face(1)])), ["a", "b"])
    before = Provenance({"face": (stills, clips), "audio": (clips,)})
    entry, arrays = before.to_bundle()
    assert len(entry["corpora"]) == 2  # each is there once
    write_bundle(tmp_path / "b", {"specialists": {}, PART: entry}, {PART: arrays})
    after = provenance_of(read_bundle(tmp_path / "b"))
    assert after.names() == {
        "face": ["faces (2 stills)", "My Clips (4 clips)"], "audio": ["My Clips (4 clips)"],
    }  # fmt: skip
    assert [c.key for c in after.of("face")] == [stills.key, clips.key]
    assert after.of("face")[1] is after.of("audio")[0]
    assert (after.of("audio")[0].licence, after.of("audio")[0].citation) == ("mine", "@misc{me}")
    assert tuple(after.only(["audio"]).corpora) == ("audio",)
    assert len(united(after.of("face"), before.of("audio"))) == 2


def test_fingerprints_are_small_and_tell_no_names(prints: Prints, items: list[Item]) -> None:
    corpus = corpus_of(prints, [i.group for i in items])
    assert corpus.sound.nbytes < 4 * 100  # of 3 s each
    assert corpus.pictures.nbytes < 4 * 100
    entry, arrays = Provenance({"face": (corpus,)}).to_bundle()
    assert "person" not in json.dumps(entry)
    assert b"person" not in packed(arrays)
    assert len(corpus.groups) == 2
    assert len(corpus_of(prints, list("abcd")).groups) == 0  # every clip its own: nothing to keep


def bundle(entry: Any, arrays: dict[str, Any]) -> Bundle:
    return Bundle({PART: entry, "specialists": {"face": {}}}, {PART: arrays}, Path("b"), "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e, a: e.update(version=9), "version 9; this version of emonets reads 1"),
        (lambda e, a: e["specialists"].update(face=[7]), "damaged"),
        (lambda e, a: e.pop("corpora"), "damaged"),
        (lambda e, a: a.update({"0.group": a["0.group"][:2]}), r"has group of shape \(2,\)"),
        (lambda e, a: a.update({"0.group": a["0.group"] + np.uint32(9)}), "lacks groups"),
        (lambda e, a: a.update({"0.sound": a["0.sound"][1:]}), "has sound"),
        (lambda e, a: a.update({"0.content": a["0.content"].astype(float)}), "type float64"),
        (lambda e, a: a.update({"5.content": a["0.content"]}), "damaged"),
        (lambda e, a: a.update({"0.faces": a["0.content"]}), "damaged"),
    ],
)
def test_damaged_provenance(prints: Prints, items: list[Item], change: Any, message: str) -> None:
    corpus = corpus_of(prints, [i.group for i in items])
    entry, arrays = Provenance({"face": (corpus,)}).to_bundle()
    change(entry, arrays)
    with pytest.raises(BundleError, match=message):
        provenance_of(bundle(entry, arrays))


def test_of_an_older_bundle_the_names_are_known(prints: Prints) -> None:
    manifest = {
        "specialists": {"face": {}, "audio": {}, "mouth": {}},
        "card": {"trained_on": "fer2013 Training", "audio": {"trained_on": "emodb + My Clips"}},
    }
    found = provenance_of(Bundle(manifest, {}, Path("b"), ""))
    assert found.names() == {"face": ["fer2013 Training"], "audio": ["emodb", "My Clips"]}
    seen = seen_by(found, prints, list("abcd"))
    assert seen["audio"].unchecked == ("emodb", "My Clips")
    assert not seen["audio"].any.any()
    assert provenance_of(Bundle({"specialists": {}}, {}, Path("b"), "")).names() == {}


def test_clips_under_other_names_are_known(
    prints: Prints, items: list[Item], tmp_path: Path
) -> None:
    """One by content, one smaller, trimmed and quieter; two of other people."""
    corpus = corpus_of(prints, [i.group for i in items])
    same = tmp_path / "holiday.mp4"
    same.write_bytes(items[0].path.read_bytes())
    copy = write_clip(tmp_path / "birthday.mp4", 2, start=0.3, end=2.7, scale=0.5, gain=0.4)
    mine = [
        item(same, "me"), item(copy, "you"), item(write_clip(tmp_path / "c.mp4", 21), "you"),
        item(write_clip(tmp_path / "d.mp4", 22), "person 0"),
    ]  # fmt: skip
    seen = seen_one(corpus, prints_of(mine), [i.group for i in mine])
    assert seen.content.tolist() == [True, False, False, False]
    assert seen.fingerprint.tolist() == [False, True, False, False]
    assert seen.group.tolist() == [False, False, True, False]  # a name alone is no person
    assert not seen.everything
    assert seen.in_words() == (
        "2 of 4 clips were trained on (1 by content, 1 by fingerprint); a further 1 are of groups "
        "it was trained on"
    )
    assert seen.take(np.array([3])).in_words() == ""
    assert seen.take(np.array([2, 0])).everything


@pytest.mark.parametrize("kept", ["sound", "pictures"])
def test_either_is_enough(prints: Prints, tmp_path: Path, kept: str) -> None:
    """A silent copy, and one of the audio alone."""
    words = {"sound": kept == "sound", "pictures": kept == "pictures"}
    copy = write_clip(tmp_path / "copy.mkv", 1, start=0.2, **words)
    seen = seen_one(corpus_of(prints, list("abcd")), prints_of([item(copy)]), ["x"])
    assert seen.fingerprint.all()


def test_pieces_of_a_file(items: list[Item]) -> None:
    path = items[0].path
    trained = prints_of([item(path, start=0.0, end=1.0), item(path, start=1.0, end=1.5)])
    corpus = make_corpus("pieces", trained, ["a", "a"])
    asked = [(0.5, 1.2), (1.5, 3.0), (None, None), (0.0, 1.0)]
    mine = prints_of([item(path, start=start, end=end) for start, end in asked])
    seen = seen_one(corpus, mine, list("wxyz"))
    assert seen.content.tolist() == [True, False, True, True]
    assert seen.group.tolist() == [False, True, False, False]  # the rest of a known file
    whole = make_corpus("whole", prints_of([items[0]]), ["a"])
    assert seen_one(whole, mine, list("wxyz")).content.all()


def test_stills(tmp_path: Path) -> None:
    import cv2

    images = np.stack([face(seed) for seed in range(20)])
    corpus = make_corpus("faces", prints_of_stills(images[:10]), [f"{k}" for k in range(10)])
    changed = images.copy()
    changed[1] = images[1][:, ::-1]
    seen = seen_one(corpus, prints_of_stills(changed), [f"{k}" for k in range(20)])
    assert seen.content.tolist() == [k < 10 and k != 1 for k in range(20)]
    assert seen.fingerprint.tolist() == [k == 1 for k in range(20)]
    file = tmp_path / "me.png"
    cv2.imwrite(str(file), cv2.resize(images[4], (200, 200)))
    rows = [item(Path("faces.npz"), kind="still", row=k) for k in (15, 5)]
    mine = prints_of([item(file, kind="still"), *rows], images={Path("faces.npz"): images})
    seen = seen_one(corpus, mine, list("abc"))
    assert (seen.fingerprint.tolist(), seen.content.tolist()) == (
        [True, False, False], [False, False, True],
    )  # fmt: skip
    part = mine.take(np.array([2, 0]))
    assert part.shown.tolist() == [0, 1]
    np.testing.assert_array_equal(part.stills, mine.stills[[2, 0]])


def test_a_store_keeps_fingerprints(
    items: list[Item], prints: Prints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeatureStore(tmp_path / "s")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0" * 5000)
    told: list[tuple[int, int]] = []
    first = prints_of(
        [*items, item(broken)], store=store, on_clip=lambda done, of: told.append((done, of))
    )
    assert told[-1] == (5, 5)
    monkeypatch.setattr("emonets.provenance.prints.clip_words", None)
    again = prints_of([*items, item(broken)], store=store)
    for kind in ("sound", "pictures"):
        for one, two in zip(getattr(first, kind), getattr(again, kind), strict=True):
            np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(first.sound[0], prints.sound[0])
    assert len(first.sound[4]) == 0
    assert prints_of(items, kinds=()).sound[0].size == 0  # decodes nothing


def test_what_has_to_be_taken(prints: Prints, items: list[Item]) -> None:
    stills = make_corpus("faces", prints_of_stills(face(0)[None]), ["a"])
    assert needed([stills, Corpus("old")]) == ()
    assert needed([stills, corpus_of(prints, list("abcd"))]) == ("sound", "pictures")
    assert needed([corpus_of(prints_of(items, kinds=["sound"]), list("abcd"))]) == ("sound",)


def test_several_specialists_together() -> None:
    def bools(*true: int) -> Any:
        return np.isin(np.arange(4), true)

    both = together(
        {"face": Seen(bools(0), bools(1), bools(2), ("a",)),
         "audio": Seen(bools(1), bools(2), bools(0), ("a", "b"))}
    )  # fmt: skip
    assert both is not None
    assert both.content.tolist() == [True, True, False, False]
    assert both.fingerprint.tolist() == [False, False, True, False]
    assert not both.group.any()
    assert both.unchecked == ("a", "b")
    assert both.to_dict()["trained_on"] == 3
    assert together({}) is None
