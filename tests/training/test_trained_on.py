"""Which clips a bundle was trained on decides what its scores tell; names decide nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_clips import write_clip

from command_line import Run, runner
from emonets.bundle import read_bundle, write_bundle
from emonets.datasets import open_dataset
from emonets.datasets.base import Dataset
from emonets.errors import ParameterError
from emonets.model import EmoNets
from emonets.provenance.corpus import PART, Provenance, make_corpus
from emonets.provenance.prints import prints_of
from emonets.runtime.store import FeatureStore
from emonets.training.preset import load_preset
from emonets.training.report import markdown, plain, summary
from emonets.training.score_bundle import score_bundle
from emonets.training.scores import Scored
from emonets.training.system import Options, System
from emonets.training.trainers import make_trainers

FAST = Path(__file__).parents[1] / "fast_system.toml"
EMOTION = ("angry", "happy")


def clips(folder: Path, seeds: range, **change: Any) -> list[Path]:
    """Sound files; by what they are called nothing is told."""
    folder.mkdir(parents=True, exist_ok=True)
    suffix, audio = (".mp3", "libmp3lame") if change else (".wav", "pcm_s16le")
    made = []
    for seed in seeds:
        name = f"{'copy' if change else 'clip'}{7919 * seed % 1000}{suffix}"
        made.append(write_clip(folder / name, seed, pictures=False, audio=audio, **change))
    return made


def manifest(folder: Path, files: list[Path], groups: list[str]) -> Dataset:
    """A data set that is named as its folder; the emotions alternate."""
    lines = [
        f"{file},{EMOTION[k % 2]},{group}"
        for k, (file, group) in enumerate(zip(files, groups, strict=True))
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clips.csv").write_text("\n".join(["path,label,group", *lines]) + "\n")
    return replace(open_dataset(folder / "clips.csv"), name=folder.name)


def quiet(**changes: Any) -> Options:
    return Options(**{"models": ["audio"], **changes})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def store(place: Path) -> FeatureStore:
    return FeatureStore(place / "store")


@pytest.fixture(scope="module")
def own(place: Path) -> Dataset:
    """Eight clips of four groups, in a folder with a blank in its name."""
    return manifest(
        place / "My Clips", clips(place / "files", range(8)), [f"person {k // 2}" for k in range(8)]
    )


@pytest.fixture(scope="module")
def bundle(place: Path, own: Dataset, store: FeatureStore) -> str:
    System([own], load_preset(FAST), store, quiet()).train(place / "bundle")
    return str(place / "bundle")


def scored(bundle: str, data: Dataset, store: FeatureStore) -> tuple[Scored, list[str]]:
    return score_bundle(bundle, [data], store, quiet())


def test_a_bundle_knows_the_clips_it_was_trained_on(
    bundle: str, own: Dataset, store: FeatureStore
) -> None:
    """Whatever the folder is called: the name has a blank."""
    (corpus,) = EmoNets.load(bundle).provenance.of("audio")
    assert (corpus.name, len(corpus), len(corpus.groups)) == ("My Clips", 8, 4)
    result, notes = scored(bundle, own, store)
    assert notes == []
    assert result.seen["audio"].content.all()
    assert result.unseen == {}
    for text in (summary(result), markdown(result, title="t", seed=0)):
        assert "No score of unseen groups: the model was trained on all 8 clips" in text
        assert (
            "audio was trained on My Clips (8 clips): 8 of 8 clips were trained on (8 by content, "
            "0 by fingerprint)." in text
        )
    content = plain(result, title="t", seed=0)
    assert content["seen"]["audio"]["by_content"] == 8
    assert content["trained_on"] == {"audio": ["My Clips (8 clips)"]}
    json.dumps(content)


def test_clips_of_a_training_corpus_in_a_folder_of_ones_own(
    bundle: str, store: FeatureStore, tmp_path: Path
) -> None:
    """Other names, other groups, another codec, trimmed; and two clips of nobody known."""
    copies = clips(tmp_path / "holiday", range(4), start=0.3, end=2.7, gain=0.4)
    new = clips(tmp_path / "more", range(20, 22))
    groups = ["me", "me", "you", "you", "they", "they"]
    result, _ = scored(bundle, manifest(tmp_path / "mine", [*copies, *new], groups), store)
    seen = result.seen["audio"]
    assert seen.fingerprint.tolist() == [True] * 4 + [False] * 2
    assert result.unseen["audio"].n == 2
    text = summary(result)
    assert "4 of 6 clips were trained on (0 by content, 4 by fingerprint)." in text
    assert "Without clips and groups seen in training:" in text
    assert "(2 clips)" in text
    assert "No score of unseen groups" not in text
    groups = ["me"] * 6  # then the other two are of a person who was trained on
    result, _ = scored(bundle, manifest(tmp_path / "again", [*copies, *new], groups), store)
    assert result.seen["audio"].group.sum() == 2
    assert "No score of unseen groups: the model was trained on all 6 clips" in summary(result)
    assert "; a further 2 are of groups it was trained on." in summary(result)


@pytest.mark.parametrize("name", ["My Clips", "Clips", "My"])
def test_other_people_of_a_corpus_are_unseen(
    bundle: str, store: FeatureStore, tmp_path: Path, name: str
) -> None:
    """As is a corpus whose name begins like that of another."""
    files = clips(tmp_path / "files", range(30, 34))
    data = manifest(tmp_path / name, files, [f"person {k // 2}" for k in range(4)])
    result, notes = scored(bundle, data, store)
    assert notes == []
    assert not result.seen["audio"].any.any()
    assert ": none of these clips or their groups was trained on." in summary(result)


def preset(bundle: str) -> dict[str, Any]:
    table = load_preset(FAST)
    table["audio"]["clips"] = {"head": "logistic", "base": bundle}
    return table


def test_a_network_is_trained_anew_only_for_clips_that_it_was_trained_on(
    bundle: str, own: Dataset, store: FeatureStore, tmp_path: Path
) -> None:
    def chosen(data: Dataset, **more: Any) -> tuple[str, list[str]]:
        made, notes = make_trainers(preset(bundle), [data], models=["audio"], **more)
        return type(made["audio"]).__name__, notes

    kind, notes = chosen(own)
    assert kind == "AudioTrainer"
    assert "was trained on 8 of these 8 clips, and is therefore trained anew" in notes[0]
    files = clips(tmp_path / "new", range(40, 44))
    other = manifest(tmp_path / "My Clips", files, ["person 0", "person 0", "b", "b"])
    assert chosen(other, store=store) == ("AudioHeadTrainer", [])
    copies = clips(tmp_path / "c", range(2), start=0.2, gain=0.5)
    mixed = manifest(tmp_path / "mixed", [*files[:2], *copies], ["a", "a", "b", "b"])
    kind, notes = chosen(mixed, store=store)
    assert kind == "AudioTrainer"
    assert "2 of these 4 clips" in notes[0]
    assert chosen(mixed) == ("AudioHeadTrainer", [])  # without a store nothing is decoded


def test_a_new_bundle_inherits_what_its_base_was_trained_on(
    bundle: str, store: FeatureStore, tmp_path: Path
) -> None:
    files = clips(tmp_path / "new", range(50, 56))
    data = manifest(tmp_path / "clips-2024", files, [f"{k // 2}" for k in range(6)])
    model, result = System([data], preset(bundle), store, quiet()).train(tmp_path / "b")
    assert result is not None
    assert "audio was trained on My Clips (8 clips)." in summary(result)
    expected = {"audio": ["My Clips (8 clips)", "clips-2024 (6 clips)"]}
    assert model.provenance.names() == expected
    assert EmoNets.load(tmp_path / "b").provenance.names() == expected
    assert EmoNets.load(tmp_path / "b").describe()["trained_on"] == expected


def test_a_face_network_is_refused_for_clips_that_it_was_trained_on(
    happy: Path, angry: Path, tmp_path: Path
) -> None:
    data = manifest(tmp_path / "clips", [angry, happy], ["a", "b"])
    other = manifest(tmp_path / "fer2013", [happy], ["a"])
    model = EmoNets.load("paper").with_models(["face"])
    corpus = make_corpus("clips", prints_of(data.items[:1]), ["a"])
    model.provenance = Provenance({"face": (corpus,)})
    table = load_preset(FAST)
    table["face"]["clips"]["base"] = str(model.save(tmp_path / "b"))
    with pytest.raises(ParameterError, match=r"trained on 1 of these 2 clips.*no honest score"):
        make_trainers(table, [data], models=["face"])
    assert make_trainers(table, [other], models=["face"])[1] == []


def test_of_an_older_bundle_it_cannot_be_checked(
    bundle: str, own: Dataset, store: FeatureStore, tmp_path: Path
) -> None:
    content = read_bundle(bundle)
    manifest_ = {k: v for k, v in content.manifest.items() if k not in (PART, "checksums")}
    arrays = {name: some for name, some in content.arrays.items() if name != PART}
    old = str(write_bundle(tmp_path / "old", manifest_, arrays))
    result, notes = scored(old, own, store)
    assert len(notes) == 1
    assert "whether audio of" in notes[0]
    assert "cannot be checked" in notes[0]
    assert "It names My Clips." in notes[0]
    assert "No score of unseen groups" not in summary(result)
    assert "audio was trained on My Clips." in summary(result)
    _, notes = make_trainers(preset(old), [own], models=["audio"])
    assert "cannot be checked" in notes[0]


def test_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bundle: str,
    own: Dataset, store: FeatureStore,
) -> None:  # fmt: skip
    run: Run = runner(monkeypatch, capsys)
    code, text, err = run("evaluate", bundle, own.root, "--store", store.place)
    assert code == 0, err
    assert text.splitlines()[2].startswith(
        "No score of unseen groups: the model was trained on all 8 clips"
    )


def test_a_model_keeps_the_provenance_of_its_specialists_only() -> None:
    model = EmoNets.load("modern")
    corpus = make_corpus("c", prints_of([]), [])
    model.provenance = Provenance({"face": (corpus,), "audio": (corpus,)})
    assert list(model.with_models(["audio"]).provenance.corpora) == ["audio"]
    assert np.array_equal(corpus.content, [])
