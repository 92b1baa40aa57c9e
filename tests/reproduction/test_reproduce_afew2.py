"""The replay's quirks, readers and verdicts, on made-up files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.learners.svm.coupled import CoupledSVC
from emonets.reproduction import afew2_quirks as quirks
from emonets.reproduction.afew2 import GRID, reproduce_afew2, run
from emonets.reproduction.afew2_files import read_audio
from emonets.specialists import descriptor


def test_a_python_2_dictionary() -> None:
    assert quirks.python2_dict_order([8, 1]) == [8, 1]
    assert quirks.python2_dict_order([1, 9]) == [1, 9]  # 9 finds slot 1 taken and lands in 7
    assert quirks.python2_dict_order([9, 1]) == [9, 1]
    # The sixth entry grows the table to 32 slots: all in order again
    assert quirks.python2_dict_order([8, 9, 1, 2, 3, 4]) == [1, 2, 3, 4, 8, 9]
    assert quirks.python2_dict_order([31, 32, 1, 2, 3, 4]) == [32, 1, 2, 3, 4, 31]
    for n in (5, 21, 22, 85, 86, 400):
        assert quirks.python2_dict_order(range(n)) == list(range(n))
        assert sorted(quirks.python2_dict_order(range(0, 7 * n, 7))) == list(range(0, 7 * n, 7))
    assert quirks.python2_dict_order([3, 3, 3]) == [3]


def test_the_last_face_of_a_frame_counts() -> None:
    assert quirks.segment_rows([4, 2, 4, 3, 2]) == [4, 3, 2]


def test_microsofts_random_numbers() -> None:
    folds = quirks.MicrosoftFolds()
    assert [folds.rand() for _ in range(5)] == [41, 18467, 6334, 26500, 19169]
    x = np.zeros((13, 1))
    made = list(quirks.MicrosoftFolds().split(x))
    assert [len(test) for _, test in made] == [2, 3, 2, 3, 3]
    assert sorted(np.concatenate([test for _, test in made])) == list(range(13))


def test_class_order() -> None:
    order, codes = quirks.first_appearance([4, 4, 0, 6, 0, 2])
    assert order.tolist() == [4, 0, 6, 2]
    assert codes.tolist() == [0, 0, 1, 2, 1, 3]


def test_names() -> None:
    clips, frames = quirks.parse_names(["3_001244640-0-045.png", "010939560-2-007.png"])
    assert clips == ["001244640", "0939560"]
    assert frames.tolist() == [45, 7]
    assert quirks.parse_names(["012039560-11-007_.png"])[0] == ["2039560"]
    assert quirks.parse_names(["012039560-11-007_.png"])[1].tolist() == [7]
    # the first in the file, not the shortest
    assert quirks.substring_match("012039560", ["2039560", "0039560"]) == "2039560"
    assert quirks.substring_match("010939560", ["0039560", "0939560"]) == "0039560"
    assert quirks.substring_match("010939560", ["0123456"]) is None


def test_ties_in_print() -> None:
    p = np.array([[0.4, 0.4, 0.2], [0.5, 0.3, 0.2], [0.1, 0.45, 0.45]])
    assert quirks.tied_counts(p, np.array([1, 2, 0]) / 3)
    assert quirks.tied_counts(p, np.array([2, 0, 1]) / 3)
    assert not quirks.tied_counts(p, np.array([0, 2, 1]) / 3)
    assert not quirks.tied_counts(p, np.array([3, 0, 0]) / 3)


def test_the_grid_is_in_five_digits() -> None:
    assert (GRID[0], GRID[4], GRID[6], GRID[10]) == (1.0, 1.7411, 2.2974, 4.0)


def write_split(folder: Path, split: str, clips: int = 20, seed: int = 0) -> dict[str, np.ndarray]:
    """Files as the authors', of made-up clips of 3 to 30 frames; what they hold."""
    rng = np.random.default_rng(seed)
    rows, tables = [], {name: [] for name in ("segments", "mean", "count", "classifications")}
    features, labels = [], []
    for clip in range(clips):
        label = 0 if split == "test" else clip % 7
        name = f"01{clip + 1:07d}" if split == "test" else f"{clip + 1:09d}"
        key = name[2:] if split == "test" else name
        p = rng.dirichlet(1 + 4.0 * np.eye(7)[clip % 7], int(rng.integers(3, 30))).round(6)
        for i, row in enumerate(p):
            prefix, end = ("", "_") if split == "test" else (f"{label}_", "")
            rows.append(f"{prefix}{name}-0-{i:03d}{end}.png," + ",".join(map(repr, row.tolist())))
        for table, values in (
            ("segments", descriptor.segments(p)), ("mean", descriptor.mean(p)),
            ("count", descriptor.count(p)),
        ):  # fmt: skip
            tables[table].append(f"{key},{label}," + ",".join(f"{v:.6g}" for v in values))
        tables["classifications"].append(f"{key},{descriptor.classification(p)}")
        features.append(descriptor.segments(p))
        labels.append(label)
    (folder / split).mkdir(parents=True)
    header = "video_id, true_label, 0=Angry"
    text = "filename,0,1,2,3,4,5,6\n" + "\n".join(rows)
    (folder / split / "frame_by_frame.csv").write_text(text)
    for table, lines in tables.items():
        top = [] if table == "classifications" else [header]
        (folder / split / f"{table}.csv").write_text("\n".join(top + lines) + "\n")
    return {"features": np.array(features), "labels": np.array(labels)}


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_any_one_part_is_enough(tmp_path: Path, split: str) -> None:
    write_split(tmp_path, split)
    report = reproduce_afew2(tmp_path)
    assert report.compared == 4
    assert report.all_equal
    assert all(c.equal for c in report.checks if c.name.startswith(f"{split}:"))
    assert any(c.equal is None for c in report.checks if "SVM" in c.name)


def test_made_up_svm_files(tmp_path: Path) -> None:
    made = write_split(tmp_path, "train", 40)
    order, y = quirks.first_appearance(made["labels"])
    machine = CoupledSVC(C=18.1, gamma=1 / 70, cv=quirks.MicrosoftFolds())
    p = machine.fit(made["features"], y).predict_proba(made["features"])
    predicted = order[p.argmax(axis=1)]
    arrays = {
        "videoIDTrain": np.arange(1, 41)[:, None], "labelTrain": made["labels"][:, None],
        "featureTrain": made["features"], "model_label": order,
        "model_sv_indices": machine.support_ + 1, "prob_values_train": p,
        "predict_label_train": predicted,
        "accuracy_train": np.array([100 * (predicted == made["labels"]).mean(), 0, 0]),
    }  # fmt: skip
    np.savez(tmp_path / "svm_convnet.npz", **arrays)
    report = reproduce_afew2(tmp_path)
    assert [c for c in report.checks if c.equal is False] == []
    assert report.compared == 4 + 2 + 1 + 3
    arrays["predict_label_train"] = np.roll(predicted, 1)
    np.savez(tmp_path / "svm_convnet.npz", **arrays)
    wrong = [c.name for c in reproduce_afew2(tmp_path).checks if c.equal is False]
    assert wrong == ["ConvNet SVM, train: labels equal"]


def write_audio(folder: Path, names: list[str], labels: np.ndarray | None) -> np.ndarray:
    """The audio model's file of a part; with None as the test part's, without true classes."""
    stem = "audio_test.txt" if labels is None else "audio_train.txt"
    p = np.random.default_rng(5).dirichlet(np.ones(7), len(names)).round(4)
    lines = []
    for i, (name, row) in enumerate(zip(names, p, strict=True)):
        truth = "" if labels is None else f"{EMOTIONS[labels[i]].title()} "
        word = EMOTIONS[int(row.argmax())].title()
        lines.append(f"Part/{name} \t {truth:>11}{word:>11} \t" + " ".join(f"{x:.4f}" for x in row))
    (folder / stem).write_text("\n".join(lines) + "\n")
    return p


def test_the_test_part_as_the_authors_have_it(tmp_path: Path) -> None:
    """Names that end in an underscore, no true classes, and clips joined by parts of names."""
    made = write_split(tmp_path, "train", 40)
    test = write_split(tmp_path, "test", 4, seed=1)
    numbers = {"0000001": "2039560", "0000002": "0039560", "0000003": "0939560", "0000004": "7"}
    for path in (tmp_path / "test").iterdir():
        text = path.read_text()
        for old, new in numbers.items():
            text = text.replace(old, new.zfill(7))
        path.write_text(text)
    ids = [2039560, 39560, 939560, 7]  # the order of their file
    first, y = quirks.first_appearance(made["labels"])
    svm = CoupledSVC(C=18.1, gamma=1 / 70, cv=quirks.MicrosoftFolds()).fit(made["features"], y)
    p_train, p_test = svm.predict_proba(made["features"]), svm.predict_proba(test["features"])
    arrays = {
        "videoIDTrain": np.arange(1, 41), "labelTrain": made["labels"],
        "featureTrain": made["features"], "model_label": first, "videoIDTest": np.array(ids),
        "model_sv_indices": svm.support_ + 1, "prob_values_train": p_train,
        "predict_label_train": first[p_train.argmax(axis=1)],
        "predict_label_test": first[p_test.argmax(axis=1)],
    }  # fmt: skip
    np.savez(tmp_path / "svm_convnet.npz", **arrays)
    sound = write_audio(tmp_path, [f"{i:09d}" for i in range(1, 41)], made["labels"])
    # of 2039560 and 39560, which are in the first name, the first in the file counts; of 39560 and
    # 939560, which are in the second, too
    names = ["012039560", "010939560", "010000007", "010111111"]
    sound_test = write_audio(tmp_path, names, None)
    faces = np.array([p_test[0], p_test[1], p_test[3], np.zeros(7)])
    both, target = np.hstack([p_train, sound]), np.argsort(first)[made["labels"]]
    second = CoupledSVC(C=GRID[6], gamma=GRID[4], cv=quirks.MicrosoftFolds()).fit(both, target)
    fused = second.predict_proba(np.hstack([faces, sound_test]))
    np.savez(
        tmp_path / "svm_convnet_audio.npz", labelTrainAudio=made["labels"], featureTrainAll=both,
        model_label=first, model_sv_indices=second.support_ + 1,
        prob_values_testf=fused, predict_label_testf=first[fused.argmax(axis=1)],
        accuracy_testf=np.zeros(3),
    )  # fmt: skip
    report = reproduce_afew2(tmp_path, n_jobs=1)
    checks = {check.name: check for check in report.checks}
    assert [name for name, check in checks.items() if check.equal is False] == [
        name for name in checks if "(paper)" in name and checks[name].equal is False
    ]
    assert checks["test: segments.csv, clips equal"].equal
    assert checks["ConvNet SVM, test: labels equal"].equal
    assert checks["ConvNet + audio SVM, test: labels equal"].equal
    assert checks["ConvNet + audio SVM, test: probabilities"].equal
    assert "ConvNet + audio SVM, test: % right" not in checks


def test_other_audio_files_need_true_classes(tmp_path: Path) -> None:
    write_audio(tmp_path, ["1", "2"], None)
    table = read_audio(tmp_path / "audio_test.txt")
    assert not table.labelled
    assert table.names == ["1", "2"]
    (tmp_path / "audio_test.txt").rename(tmp_path / "audio_train.txt")
    with pytest.raises(DataError, match=r"audio_train.txt: should have a clip, the true and"):
        read_audio(tmp_path / "audio_train.txt")
    for text in ("1 Happy\n", "\n", "1 Happy Sad Sad 1 0 0 0 0 0 0\n", "1 Joyous 1 0 0 0 0 0 0\n"):
        (tmp_path / "audio_test.txt").write_text(text)
        with pytest.raises(DataError, match=r"audio_test.txt"):
            read_audio(tmp_path / "audio_test.txt")


def test_a_changed_number_is_found(tmp_path: Path) -> None:
    write_split(tmp_path, "validation")
    path = tmp_path / "validation" / "mean.csv"
    lines = path.read_text().splitlines()
    fields = lines[5].split(",")
    fields[3] = f"{float(fields[3]) + 3e-6:.7f}"
    path.write_text("\n".join([*lines[:5], ",".join(fields), *lines[6:]]))
    said: list[str] = []
    code = run(tmp_path, tmp_path / "out.json", said.append)
    assert code == 1
    changed = next(text for text in said if "mean.csv" in text and "DIFFERENT" in text)
    assert f"not equal: {int(fields[0]):09d}" in changed
    assert "NOT all is equal" in said[-1]
    stored = json.loads((tmp_path / "out.json").read_text())
    assert stored["totals"] == {"compared": 4, "equal": 3, "different": 1,
                                "not_available": stored["totals"]["not_available"]}  # fmt: skip
    assert not stored["all_equal"]
    assert {"name", "stored", "ours", "tolerance", "equal"} <= set(stored["checks"][0])


def test_results_are_written_as_rows(tmp_path: Path) -> None:
    write_split(tmp_path, "train")
    assert run(tmp_path, show=lambda text: None, results=tmp_path / "results") == 0
    rows = json.loads((tmp_path / "results" / "replay_afew2.json").read_text())
    assert len(rows) == 5
    assert all(row["value"] == 1.0 and row["metric"] == "share" for row in rows)


def test_a_missing_clip_is_found(tmp_path: Path) -> None:
    write_split(tmp_path, "train")
    path = tmp_path / "train" / "classifications.csv"
    path.write_text("\n".join(path.read_text().splitlines()[1:]))
    assert run(tmp_path, show=lambda text: None) == 1


def test_a_missing_file_is_listed(tmp_path: Path) -> None:
    write_split(tmp_path, "train")
    (tmp_path / "train" / "count.csv").unlink()
    report = reproduce_afew2(tmp_path)
    assert report.all_equal
    assert any("count.csv" in c.name and c.equal is None for c in report.checks)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        run(tmp_path / "absent")
    with pytest.raises(DataError, match=r"frame_by_frame\.csv"):
        run(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="no such folder"):
        run(tmp_path / "file")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("train/frame_by_frame.csv", b"", "frame_by_frame"),
        ("train/frame_by_frame.csv", b"filename,0\nabc,1\n", "frame_by_frame"),
        ("train/frame_by_frame.csv", b"f,0,1,2,3,4,5,6\n0_01-0-1.png,x,0,0,0,0,0,0\n", "frame_by"),
        ("train/frame_by_frame.csv", b"f,0,1,2,3,4,5,6\n0_01-0-1.png,,0,0,0,0,0,0\n", "finite"),
        ("train/mean.csv", b"1,2,a\n", "mean.csv"),
        ("train/mean.csv", b"\xff\xfe", "mean.csv"),
        ("train/mean.csv", b"", "no clip"),
        ("svm_convnet.npz", b"PK nonsense", "npz"),
        ("audio_train.txt", b"Train/Angry/1 Angry Odd 1\n", "audio_train"),
        ("audio_valid.txt", b"", "audio_valid"),
    ],
)
def test_damaged_files(tmp_path: Path, file: str, content: bytes, said: str) -> None:
    write_split(tmp_path, "train")
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=said):
        reproduce_afew2(tmp_path)


def test_files_that_do_not_fit_each_other(tmp_path: Path) -> None:
    write_split(tmp_path, "train")
    np.savez(tmp_path / "svm_convnet.npz", videoIDTrain=np.array([999]))
    with pytest.raises(DataError, match="000000999"):
        reproduce_afew2(tmp_path)
    np.savez(tmp_path / "svm_convnet.npz", videoIDTrain=np.arange(1, 20))
    with pytest.raises(DataError, match="model_label"):
        reproduce_afew2(tmp_path)
    np.savez(tmp_path / "svm_convnet.npz", videoIDTrain=np.array([1, 1]))
    with pytest.raises(DataError, match="fit each other"):
        reproduce_afew2(tmp_path)
