"""``emonets predict --normalise`` and ``--baseline``."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import emonets
from command_line import Run, runner
from emonets import EmoNets
from emonets.errors import BundleError
from emonets.learners.group_scaling import Reference

LOW = np.log(np.array([0.3, 0.02, 0.1, 0.1, 0.1, 0.08, 0.3]))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped face, with a reference of other people."""
    face = emonets.load().face
    rest = LOW + np.array([-1.0, 0, -1, 0, 0, 0, 1])
    references = {"face": Reference(LOW, np.full(7, 1.5), rest)}
    return EmoNets(face, references=references).save(tmp_path_factory.mktemp("bundles") / "one")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bundle: Path) -> Run:
    every = runner(monkeypatch, capsys)

    def call(*words: object) -> tuple[int, str, str]:
        return every("predict", *words, "--bundle", bundle, "--quiet", "--stride", "3")

    return call


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text))


def test_one_clip_of_a_person_is_answered_without(run: Run, happy: Path) -> None:
    code, out, err = run(happy, "--normalise", "person", "--format", "csv")
    assert code == 0
    assert not table(out).normalised.any()
    assert "face not normalised: one window of the person is too little" in err
    _, plain, err = run(happy, "--format", "csv")
    assert plain == out
    assert err == ""


def test_files_of_a_person_are_pooled_and_a_run_resumes(
    run: Run, happy: Path, angry: Path, tmp_path: Path
) -> None:
    who = tmp_path / "who.csv"
    who.write_text(f"file,person\n{happy},ann\n{angry},ann\n")
    words = (happy, angry, "--normalise", "person", "--groups", who, "--format", "csv")
    code, out, err = run(*words)
    assert code == 0
    assert err == ""
    rows = table(out)
    assert rows.normalised.all()
    assert np.allclose(rows[list(emonets.EMOTIONS)].sum(axis=1), 1, atol=1e-5)
    _, plain, _ = run(happy, angry, "--format", "csv")
    assert not np.allclose(table(plain).happy, rows.happy, atol=1e-3)
    for _ in range(2):  # the second time from the results that are kept
        assert run(*words, "--out", tmp_path / "out")[0] == 0
        assert (tmp_path / "out" / "results.csv").read_text() == out
    code, shown, _ = run(happy, angry, "--normalise", "person", "--groups", who)
    assert shown.splitlines()[0].split()[-1] == "normalised"
    assert "normalised by the person: a row depends on the person's other windows" in shown


def test_baselines(run: Run, happy: Path, angry: Path, tmp_path: Path) -> None:
    code, seconds, err = run(happy, "--baseline", "0-0.5", "--format", "csv")
    assert (code, err) == (0, "")
    code, file, err = run(happy, "--baseline", angry, "--format", "csv")
    assert (code, err) == (0, "")
    assert table(seconds).normalised.all()
    assert table(file).normalised.all()
    assert table(seconds).happy.iloc[-1] != table(file).happy.iloc[-1]
    code, late, err = run(happy, "--baseline", "500-510", "--format", "csv")
    assert code == 0
    assert "face not normalised: the baseline 500-510 s holds no face of the person" in err
    assert not table(late).normalised.any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--normalise", "group"), "normalise must be one of none, person, got 'group'"),
        (("--normalise", "person", "--baseline", "0-1"), "give one, not both"),
        (("--groups", "who.csv"), "groups needs normalise='person' or a baseline"),
        (("--normalise", "person", "--groups", "no.csv"), "no.csv: cannot be read"),
        (("--baseline", "9-3"), "from the smaller to the larger"),
        (("--baseline", "no.mp4"), "there is no file no.mp4; give a clip, or seconds such as 0-15"),
    ],
)
def test_wrong_options_are_one_sentence(
    run: Run, happy: Path, words: tuple[str, ...], message: str
) -> None:
    code, out, err = run(happy, *words)
    assert code == 2 or "cannot be read" in message
    assert code != 0
    assert out == ""
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_a_bundle_keeps_its_references(bundle: Path, tmp_path: Path) -> None:
    model = emonets.load(bundle)
    assert np.array_equal(model.references["face"].mean, LOW)
    assert model.with_models("face").references.keys() == {"face"}
    again = emonets.load(model.save(tmp_path / "again"))
    assert np.array_equal(again.references["face"].spread, np.full(7, 1.5))
    damaged = EmoNets(model.face, references={"face": Reference(LOW[:3], LOW[:3], None)})
    place = damaged.save(tmp_path / "damaged")
    with pytest.raises(BundleError, match="the reference of persons"):
        emonets.load(place)
    shutil.rmtree(place)


def test_in_python(bundle: Path, happy: Path, angry: Path) -> None:
    model = emonets.load(bundle)
    whose = {str(happy): "ann", str(angry): "ann"}
    made = model.predict([happy, angry], normalise="person", groups=whose, stride=3)
    assert all(row.normalised for row in made.rows)
    assert "by the person" in made.about["normalised"]
    assert "unfused" not in made.about
    same = model.predict([happy, angry], normalise="person", same_people=True, stride=3)
    assert [row.probabilities for row in same.rows] == [row.probabilities for row in made.rows]
    assert all(seen.embedding is None for seen in same.persons)
