from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from emonets.bundle import read_bundle, write_bundle
from emonets.emotions import EMOTIONS
from emonets.errors import BundleError

ARRAYS = {"face": {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}}
MANIFEST = {"preset": "paper", "specialists": {"face": {"slots": 10}}}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "b", MANIFEST, ARRAYS)


def edit(bundle: Path, **changes: object) -> None:
    file = bundle / "bundle.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_there_and_back(bundle: Path) -> None:
    content = read_bundle(bundle)
    assert content.manifest["specialists"] == {"face": {"slots": 10}}
    assert content.manifest["classes"] == list(EMOTIONS)
    np.testing.assert_array_equal(content.arrays["face"]["w"], ARRAYS["face"]["w"])
    assert sorted(f.name for f in bundle.iterdir()) == ["bundle.json", "face.safetensors"]


def test_rewriting_replaces_whole(bundle: Path) -> None:
    first = read_bundle(bundle).digest
    write_bundle(bundle, MANIFEST, {"other": ARRAYS["face"]})
    content = read_bundle(bundle)
    assert list(content.arrays) == ["other"]
    assert content.digest != first
    assert [p.name for p in bundle.parent.iterdir()] == ["b"]


def test_never_overwrites_what_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match="not a bundle"):
        write_bundle(tmp_path, MANIFEST, ARRAYS)
    assert (tmp_path / "thesis.txt").exists()


def test_every_flipped_byte_is_noticed(bundle: Path) -> None:
    file = bundle / "face.safetensors"
    data = file.read_bytes()
    for i in range(0, len(data), 7):
        file.write_bytes(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        with pytest.raises(BundleError, match="damaged"):
            read_bundle(bundle)


def test_truncated_manifest(bundle: Path) -> None:
    file = bundle / "bundle.json"
    data = file.read_bytes()
    for i in range(0, len(data) - 2, 11):
        file.write_bytes(data[:i])
        with pytest.raises(BundleError):
            read_bundle(bundle)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"format": "other"}, "not the manifest"),
        ({"version": 99}, "update emonets"),
        ({"classes": ["a", "b"]}, "made for the classes"),
        ({"checksums": None}, "incomplete"),
        ({"specialists": []}, "incomplete"),
        ({"checksums": {"../x.safetensors": "0"}}, "no bundle holds"),
        ({"checksums": {"model.pkl": "0"}}, "no bundle holds"),
        ({"checksums": {"absent.safetensors": "0"}}, "missing"),
    ],
)
def test_foreign_manifests(bundle: Path, changes: dict[str, object], text: str) -> None:
    edit(bundle, **changes)
    with pytest.raises(BundleError, match=text):
        read_bundle(bundle)


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such bundle"):
        read_bundle(tmp_path / "nothing")
    with pytest.raises(BundleError, match="not a bundle"):
        read_bundle(tmp_path)


def test_nothing_that_loads_can_run_code() -> None:
    source = Path(__file__).resolve().parents[1] / "src"
    forbidden = ("pickle", "joblib.load", "weights_only=False", "torch.load", "eval(", "exec(")
    for file in source.rglob("*.py"):
        text = file.read_text("utf-8").replace("allow_pickle=False", "").replace(".eval()", "")
        code = "\n".join(line.split("#")[0] for line in text.splitlines())
        found = [word for word in forbidden if word in code and f'"{word}' not in code]
        assert not found, f"{file}: {found}"


def test_arrays_of_any_strides_come_back(tmp_path: Path) -> None:
    arrays = {
        "turned": np.arange(6.0).reshape(2, 3).T,
        "strided": np.arange(12)[::2],
        "fortran": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    }
    write_bundle(tmp_path / "b", {"specialists": {}}, {"face": arrays})
    kept = read_bundle(tmp_path / "b").arrays["face"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(kept[name], array)
