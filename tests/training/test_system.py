"""Training and scoring a whole system, from pieces of the example clips."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emonets
from command_line import Run, runner
from emonets import training_contract as contracts
from emonets.contracts import Extractor
from emonets.datasets import Item, open_dataset
from emonets.errors import DataError, ParameterError
from emonets.reproduction.submission_training import train_for_submissions
from emonets.runtime.store import FeatureStore
from emonets.specialists.activity.extractor import tubes_extractor
from emonets.specialists.audio.extractor import sound_extractor
from emonets.specialists.face.extractor import face_extractor
from emonets.training import out_of_fold as oof
from emonets.training.division import folds_of
from emonets.training.estimate import mean_seconds
from emonets.training.extraction import extract_items, kept_as
from emonets.training.preset import load_preset
from emonets.training.system import Options, System
from emonets.training.trainers import make_trainers

FAST = Path(__file__).parents[1] / "fast_system.toml"
ALL = ("face", "audio", "activity", "mouth")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    examples = Path(__file__).resolve().parents[2] / "examples"
    folder = tmp_path_factory.mktemp("data")
    lines = ["path,label,group,start,end"]
    for name, label in (("1001_DFA_ANG_XX.flv", "angry"), ("1001_DFA_HAP_XX.flv", "happy")):
        for k, start in enumerate((0.0, 0.6, 1.2)):
            lines.append(f"{examples / name},{label},p{k},{start},{start + 0.6:.1f}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    return FeatureStore(tmp_path_factory.mktemp("store") / "s")


def quiet(**changes: Any) -> Options:
    return Options(**changes)


@pytest.fixture(scope="module")
def trained(
    manifest: Path, store: FeatureStore, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    out = tmp_path_factory.mktemp("bundle") / "b"
    system = System([open_dataset(manifest)], load_preset(FAST), store, quiet())
    _, scored = system.train(out)
    return out, scored


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def test_all_specialists_and_their_fusion(trained: tuple[Path, Any], happy: Path) -> None:
    out, scored = trained
    assert tuple(scored.scores) == (*ALL, "fused")
    assert scored.predictions.split == "leave one of 3 groups out"
    assert scored.predictions.found.all()
    assert np.allclose(scored.predictions.P.sum(axis=2), 1)
    model = emonets.load(out)
    assert tuple(model.specialists) == ALL
    assert model.fusion is not None
    assert model.fusion.strategy == "product"
    card = model.about["card"]
    assert card["fusion"]["split"] == "leave one of 3 groups out"
    assert set(card) >= {*ALL, "fusion", "data", "dropped"}
    result = model.predict(happy)
    assert result.rows[-1].model == "face+audio+activity+mouth"


def test_what_was_said_is_by_models_that_did_not_know_the_group(
    manifest: Path, store: FeatureStore, trained: tuple[Path, Any]
) -> None:
    system = System([open_dataset(manifest)], load_preset(FAST), store, quiet())
    data = system.material()
    folds, _ = folds_of(data)
    for train, test in folds:
        assert not set(data.groups[train]) & set(data.groups[test])
    part = system.trainers["face"]
    train, test = folds[1]
    alone = part.fit(data, train, _run(store))[0]
    rows = np.searchsorted(trained[1].predictions.rows, test)
    assert np.array_equal(
        part.predict(alone, data, test, _run(store)), trained[1].predictions.P[rows, 0]
    )


def _run(store: FeatureStore) -> Any:
    assert store.folder is not None
    return contracts.Run(store.folder / "work", 0, 1)


def test_progress_is_told_by_stage_and_nothing_is_left_beside_the_store(
    manifest: Path, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    kept = FeatureStore(tmp_path / "store")
    options = quiet(models=["face", "mouth"], on_progress=lambda *step: told.append(step))
    system = System([open_dataset(manifest)], load_preset(FAST), kept, options)
    system.train(tmp_path / "bundle")
    for stage, total in (("clips", 6), ("models", 6), ("specialists", 2)):
        assert [step for step in told if step[0] == stage] == [
            (stage, n, total) for n in range(1, total + 1)
        ]
    assert system.work == tmp_path / "store" / "work"
    assert not system.work.exists()


def test_a_store_that_nobody_named_is_announced(run: Run, manifest: Path, tmp_path: Path) -> None:
    code, _, err = run(
        "train", manifest, "--out", tmp_path / "b", "--preset", FAST, "--models", "face"
    )
    assert code == 0, err
    assert f"store: {tmp_path / 'b.store'}" in err
    assert (tmp_path / "b.store" / "answers").is_dir()
    assert not (tmp_path / "b.store" / "work").exists()


def test_a_second_run_looks_at_nothing_and_trains_nothing(
    manifest: Path, store: FeatureStore, trained: tuple[Path, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def never(*_: object, **__: object) -> Any:
        raise AssertionError("looked at, or trained, again")

    monkeypatch.setattr("emonets.training.extraction._extract", never)
    monkeypatch.setattr(oof, "_train_and_predict", never)
    system = System([open_dataset(manifest)], load_preset(FAST), store, quiet())
    for part in system.trainers.values():
        monkeypatch.setattr(type(part), "fit", never)
    _, scored = system.train(tmp_path / "again")
    assert np.array_equal(scored.predictions.P, trained[1].predictions.P)
    assert scored.predictions.reused == 12
    first = (trained[0] / "bundle.json").read_text()
    assert (tmp_path / "again" / "bundle.json").read_text() == first  # one seed, the same bundle


def test_a_killed_run_goes_on(
    manifest: Path, store: FeatureStore, trained: tuple[Path, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # the features stay, as in the store of a run that was killed among the models
    import shutil

    assert store.folder is not None
    for kind in ("face", "sound"):
        shutil.copytree(store.folder / kind, tmp_path / "s" / kind)
    shutil.copy(store.folder / "emonets-store.json", tmp_path / "s")
    kept = FeatureStore(tmp_path / "s")
    options = quiet(models=["face", "audio"])
    real, count = oof._train_and_predict, 0

    def dies(task: Any) -> str:
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        return real(task)

    system = System([open_dataset(manifest)], load_preset(FAST), kept, options)
    with monkeypatch.context() as patch:
        patch.setattr(oof, "_train_and_predict", dies)
        with pytest.raises(KeyboardInterrupt):
            system.score()
    scored = System([open_dataset(manifest)], load_preset(FAST), kept, options).score()
    assert scored.predictions.reused == 3
    assert np.array_equal(scored.predictions.P, trained[1].predictions.P[:, :2])


def test_of_damaged_and_missing_files_the_rest_is_looked_at(
    manifest: Path, tmp_path: Path, happy: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0" * 5000)
    items = open_dataset(manifest).items[:1]
    from dataclasses import replace

    more = [replace(items[0], path=broken, start=None, end=None),
            replace(items[0], path=tmp_path / "none.mp4")]  # fmt: skip
    store = FeatureStore(tmp_path / "s")
    wanted = [sound_extractor("logmel")]
    found = extract_items([*items, *more], wanted, store)
    assert len(found.items) == 1
    assert {Path(file).name for file, _ in found.dropped} == {"broken.mp4", "none.mp4"}
    again = extract_items([*items, *more], wanted, store)
    assert (again.made, again.dropped) == (0, found.dropped)  # not tried again every time
    with pytest.raises(DataError, match=r"none of 2 clips can be read, such as .*none\.mp4"):
        extract_items(more, wanted, store)


def test_several_processes_extract_the_same(manifest: Path, tmp_path: Path) -> None:
    items = open_dataset(manifest).items
    wanted = [sound_extractor("logmel"), tubes_extractor()]
    one = extract_items(items, wanted, FeatureStore(tmp_path / "one"))
    two = extract_items(items, wanted, FeatureStore(tmp_path / "two"), workers=2)
    for extractor in wanted:
        assert one.names[extractor] == two.names[extractor]
        for name in one.names[extractor]:
            a, b = one.store.read(name), two.store.read(name)
            assert all(np.array_equal(a[key], b[key]) for key in a)


def test_an_extractor_is_named_by_what_it_gives() -> None:
    assert face_extractor("modern") != face_extractor("paper")
    mouths = Extractor("mouths", {"region": "fixed", "colour": "grey"})
    colours = Extractor("mouths", {"region": "fixed", "colour": "rgb"})
    assert kept_as(mouths, "ab12") != kept_as(colours, "ab12")
    assert kept_as(mouths, "ab12") != kept_as(replace(mouths, version=2), "ab12")
    assert kept_as(mouths, "ab12", 0.0, 1.0) != kept_as(mouths, "ab12")


def test_a_specialist_that_there_is_not(manifest: Path) -> None:
    with pytest.raises(ParameterError, match="no specialist 'nose'"):
        make_trainers(load_preset("modern"), [open_dataset(manifest)], models=["nose"])


def test_a_network_trained_elsewhere_listens(
    manifest: Path, store: FeatureStore, tmp_path: Path, happy: Path
) -> None:
    preset = load_preset("modern")
    preset["audio"] = {**preset["audio"], "on": "sound"}  # few of these short pieces hold speech
    options = quiet(models=["audio"])
    model, _ = System([open_dataset(manifest)], preset, store, options).train(tmp_path / "b")
    assert model.audio is not None and model.audio.head is not None  # noqa: PT018
    assert "logistic regression on the embedding of the sound network" in model.audio.decision
    again = emonets.load(tmp_path / "b")
    assert again.predict(happy).rows == model.predict(happy).rows
    assert model.audio.known_classes == (0, 3)


def test_one_command_trains_reports_and_scores(
    run: Run, manifest: Path, store: FeatureStore, trained: tuple[Path, Any], tmp_path: Path
) -> None:
    out, report = tmp_path / "b", tmp_path / "r"
    code, text, err = run(
        "train", manifest, "--preset", FAST, "--out", out, "--store", store.place,
        "--report", report,
    )  # fmt: skip
    assert code == 0, err
    assert "leave one of 3 groups out" in text
    assert "fused (product)" in text
    assert "Among the 2 emotions of the data:" in text
    assert "Among all seven emotions, as predict returns them:" in text
    assert "Warning: 3 groups are too few for an interval" in text
    scores = json.loads((report / "scores.json").read_text())
    assert set(scores["models"]) == set(scores["models_as_predicted"]) == {*ALL, "fused"}
    assert scores["masked"] == ["disgust", "fear", "sad", "surprise", "neutral"]
    with (report / "answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 5
    assert {row["group"] for row in rows} == {"own/p0", "own/p1", "own/p2"}
    assert (report / "confusion_fused.png").stat().st_size > 1000
    assert "| **fused** (product) |" in (report / "report.md").read_text()
    code, text, err = run("evaluate", out, manifest, "--store", store.place)
    assert code == 0, err
    assert "6 clips of 3 groups, 2 classes, all clips" in text
    assert (
        "No score of unseen groups: the model was trained on all 6 clips" in text
    )  # it was trained on them
    assert "audio was trained on manifest (6 clips): 6 of 6 clips were trained on" in text
    code, text, err = run(
        "evaluate", FAST, manifest, "--cross-validate", "each", "--models", "face",
        "--store", store.place,
    )  # fmt: skip
    assert code == 0, err
    assert "leave one of 3 groups out" in text


def test_a_dry_run_writes_nothing(run: Run, manifest: Path, tmp_path: Path) -> None:
    code, text, _ = run("train", manifest, "--preset", FAST, "--out", tmp_path / "b", "--dry-run")
    assert code == 0
    assert "read 6 clips (0 are in the store)" in text
    assert "3 folds of groups" in text
    assert "In all about" in text
    assert list(tmp_path.iterdir()) == []
    # nor where folders are missing, or there are empty ones
    (tmp_path / "empty").mkdir()
    code, text, _ = run(
        "train", manifest, "--preset", FAST, "--out", tmp_path / "x/y/b", "--dry-run",
        "--store", tmp_path / "empty", "--report", tmp_path / "z", "--models", "face",
    )  # fmt: skip
    assert code == 0
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_how_long_pieces_are_is_estimated_by_their_ends(happy: Path) -> None:
    whole = Item(happy, 3, "1001", "", "clip", "happy")
    length = mean_seconds([whole])
    assert mean_seconds([replace(whole, start=length - 0.5)]) == pytest.approx(0.5)
    assert mean_seconds([replace(whole, end=0.25)]) == pytest.approx(0.25)
    assert mean_seconds([replace(whole, start=0.5, end=1.0), whole]) == pytest.approx(
        (0.5 + length) / 2
    )


def test_extracted_once(run: Run, manifest: Path, store: FeatureStore) -> None:
    code, _, err = run("extract", manifest, "--preset", FAST, "--store", store.place)
    assert code == 0
    assert "0 read now, 6 from the store" in err


def test_trials_choose_among_draws(
    run: Run, manifest: Path, store: FeatureStore, trained: tuple[Path, Any], tmp_path: Path
) -> None:
    text = FAST.read_text().replace("slots = 10", "slots = { integers = [2, 12] }")
    preset = tmp_path / "space.toml"
    preset.write_text(text)
    words = ("train", manifest, "--preset", preset, "--out", tmp_path / "b", "--store",
             store.place, "--models", "face")  # fmt: skip
    code, _, err = run(*words, "--trials", 2)
    assert code == 0, err
    assert "face, trial 2 of 2: face.clips.slots" in err
    code, _, err = run(*words)
    assert code == 2
    assert "--trials" in err
    code, _, err = run("train", manifest, "--preset", FAST, "--out", tmp_path / "c", "--trials", 2)
    assert code == 2
    assert "the preset has no distribution" in err


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a.flv,angry,p0\na.flv,happy,p1", "a.flv"),
        ("a.flv,angry,p0\nb.flv,happy,p0", "of 1 group"),
        ("a.flv,angry,p0\nb.flv,angry,p1", "no other emotion than angry|of 2 groups"),
        ("a.flv,bored,p0\nb.flv,happy,p1", "of 1 group"),
        ("a.flv,angri,p0\nb.flv,happy,p1", "angri"),
    ],
)
def test_data_that_cannot_be_trained_on(
    run: Run, tmp_path: Path, happy: Path, angry: Path, lines: str, message: str
) -> None:
    import re
    import shutil

    shutil.copy(angry, tmp_path / "a.flv")
    shutil.copy(happy, tmp_path / "b.flv")
    (tmp_path / "manifest.csv").write_text("path,label,group\n" + lines + "\n")
    code, _, err = run(
        "train", tmp_path, "--preset", FAST, "--out", tmp_path / "out", "--models", "audio",
        "--store", tmp_path / "s",
    )  # fmt: skip
    assert code != 0
    assert re.search(message, err), err
    assert not (tmp_path / "out").exists()
    assert "Traceback" not in err


def test_a_group_in_two_parts_is_refused_unless_asked_for(
    run: Run, tmp_path: Path, manifest: Path, store: FeatureStore
) -> None:
    lines = manifest.read_text().splitlines()
    split = [lines[0] + ",split"]
    split += [f"{line},{'train' if k % 3 else 'valid'}" for k, line in enumerate(lines[1:])]
    split[2] = split[2].replace("p1", "p0")
    (tmp_path / "manifest.csv").write_text("\n".join(split) + "\n")
    words = ("train", tmp_path, "--preset", FAST, "--out", tmp_path / "o", "--models", "face",
             "--store", store.place)  # fmt: skip
    code, _, err = run(*words)
    assert code == 1
    assert "p0" in err


def test_a_class_with_one_clip_and_a_copy_are_said_and_survived(
    run: Run, tmp_path: Path, manifest: Path, store: FeatureStore, happy: Path
) -> None:
    lines = manifest.read_text().splitlines()
    lines.append(f"{happy},sad,p3,0.3,0.9")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    code, text, err = run(
        "train", tmp_path, "--preset", FAST, "--out", tmp_path / "o", "--models", "face,audio",
        "--store", store.place,
    )  # fmt: skip
    assert code == 0, err
    assert "sad" in err  # one clip only: said before anything is trained
    assert "7 clips of 4 groups, 3 classes" in text


def test_validation_parts_take_the_place_of_folds_and_tests_are_not_looked_at(
    run: Run, tmp_path: Path, manifest: Path, store: FeatureStore
) -> None:
    parts = {"p0": "train", "p1": "valid", "p2": "test"}
    head, *lines = manifest.read_text().splitlines()
    lines = [f"{line},{parts[line.split(',')[2]]}" for line in lines]
    (tmp_path / "manifest.csv").write_text("\n".join([head + ",split", *lines]) + "\n")
    system = System([open_dataset(tmp_path)], load_preset(FAST), store, quiet(models=["audio"]))
    data = system.material()
    seen: list[set[str]] = []
    part = system.trainers["audio"]
    real = type(part).fit

    def watched(self: Any, data: Any, rows: Any, run: Any) -> Any:
        seen.append(set(data.splits[rows].tolist()))
        return real(self, data, rows, run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(part), "fit", watched)
        # one group to train on is too few for most; the rule is what is tested here
        patch.setattr(oof, "check_rows", lambda part, data, rows: rows)
        patch.setattr("emonets.training.system.check_division", lambda *_, **__: None)
        _, scored = system.train(tmp_path / "b")
    assert scored.predictions.split == "trained on train, scored on valid"
    assert seen == [{"train"}, {"train", "valid"}]
    assert set(data.splits[scored.predictions.rows].tolist()) == {"valid"}
    code, text, err = run("evaluate", tmp_path / "b", tmp_path, "--store", store.place)
    assert code == 0, err
    assert "2 clips of 1 group, 2 classes, test part of the data" in text


def test_the_papers_submissions_on_clips(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every recipe, by specialists that are trained as often as the recipes ask."""
    examples = Path(__file__).resolve().parents[2] / "examples"
    lines = ["path,label,group,start,end"]
    for name, label in (("1001_DFA_ANG_XX.flv", "angry"), ("1001_DFA_HAP_XX.flv", "happy")):
        for k in range(4):
            lines.append(f"{examples / name},{label},p{k},{0.45 * k:.2f},{0.45 * (k + 1):.2f}")
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    preset = tmp_path / "two.toml"
    text = FAST.read_text()
    mouth = text[text.index("[mouth]") :]
    preset.write_text('[face.clips]\nbase = "modern"\nslots = 4\n' + mouth)
    system = System(
        [open_dataset(tmp_path / "clips.csv")], load_preset(preset),
        FeatureStore(tmp_path / "store"), quiet(),
    )  # fmt: skip
    data = train_for_submissions(system, every_pair=True)
    assert len(data.splits) == 4
    material = system.material()
    part = system.trainers["face"]
    split = data.splits[1]
    taught, _ = part.fit(material, split.train, _run(system.store))
    expected = part.predict(taught, material, split.valid, _run(system.store))
    assert np.array_equal(data.models["face"](split.train, split.valid), expected)
    for one in data.splits:  # nobody is on both sides
        assert not set(material.groups[one.train]) & set(material.groups[one.test])
        assert not set(material.groups[one.valid]) & set(material.groups[one.test])

    def never(*_: object, **__: object) -> Any:
        raise AssertionError("trained again")

    monkeypatch.setattr("emonets.reproduction.submission_training._train", never)
    words = ("reproduce", "submissions", "--data", tmp_path / "clips.csv", "--preset", preset)
    words = (*words, "--store", tmp_path / "store", "--recipes", "2013-1, 2014-9")
    code, out, err = run(*words)
    assert code == 0, err
    assert "left out" not in out
    assert out.splitlines()[3].startswith("2013-1  face")
    code, _, err = run(*words, "--folds", "2")
    assert code == 1
    assert "at least three" in err
    code, _, err = run(*words[:3], tmp_path / "answers.npz", "--store", tmp_path / "store")
    assert code == 2
    assert "go with labelled clips" in err


def test_networks_may_answer_as_they_are(manifest: Path, store: FeatureStore) -> None:
    preset = load_preset(FAST)
    preset["face"]["clips"]["head"] = "none"
    preset["audio"]["clips"] = {"head": "none"}
    system = System([open_dataset(manifest)], preset, store, quiet(models=("face", "audio")))
    data = system.material()
    rows = np.arange(len(data))
    base = emonets.load()
    for name, of in (("face", base.face), ("audio", base.audio)):
        part = system.trainers[name]
        learned, card = part.fit(data, rows[:4], _run(store))
        assert card["network_of"] == "modern"
        assert learned.head is None
        assert learned.known_classes == of.known_classes
        said = part.predict(learned, data, rows, _run(store))
        features = [data.read(part.extractors()[0], i) for i in rows.tolist()]
        expected = np.concatenate([of.predict_proba(one) for one in features])
        assert np.array_equal(said, expected)
    preset["face"]["clips"]["head"] = "forest"
    with pytest.raises(ParameterError, match=r"face\.clips\.head must be one of .*'none'"):
        make_trainers(preset, [open_dataset(manifest)])
