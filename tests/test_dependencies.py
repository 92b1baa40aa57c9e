"""What is imported is declared, and what is optional is imported only where it is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OPTIONAL = (
    "torch", "onnx", "matplotlib", "pyarrow", "distributed", "dask", "fsspec", "xlsxwriter",
    "starlette", "uvicorn", "websockets",
)  # fmt: skip


@cache
def installed() -> Mapping[str, list[str]]:
    """Packages, with the distributions that bring them."""
    return packages_distributions()


def names(requirements: list[str]) -> set[str]:
    """Of requirements the distributions, as packaging writes them."""
    return {re.split(r"[^\w.-]", text)[0].lower().replace("_", "-") for text in requirements}


BASE = names(PROJECT["dependencies"])
EXTRAS = {
    extra: names(PROJECT["optional-dependencies"][extra])
    for extra in ("dask", "parquet", "plot", "serve", "train", "xlsx")
}


@cache
def modules() -> dict[str, ast.Module]:
    """The package's modules, parsed once."""
    found = {}
    for file in sorted((ROOT / "src").rglob("*.py")):
        parts = file.relative_to(ROOT / "src").with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(file.read_text("utf-8"))
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of all modules, and of all that is taken out of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_once(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """What importing a module imports, and whether a missing part is caught and explained."""
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        explained = isinstance(node, ast.Try) and "MissingExtraError" in ast.unparse(node)
        for name in imports(node):
            yield name, explained


def distribution(package: str) -> set[str]:
    """The distributions that bring a package; its own name where none is installed."""
    found = installed().get(package, [package])
    return {name.lower().replace("_", "-") for name in found}


def test_every_import_is_declared() -> None:
    used: dict[str, str] = {}
    for module, tree in modules().items():
        for name in imports(tree):
            used.setdefault(name.partition(".")[0], module)
    third = {k: v for k, v in used.items() if k not in sys.stdlib_module_names | {"emonets"}}
    assert {"numpy", "rich", "joblib", "torch"} <= third.keys()
    declared = BASE.union(*EXTRAS.values())
    undeclared = {k: v for k, v in third.items() if not distribution(k) & declared}
    assert not undeclared, "imported (by) and not in pyproject.toml"
    needed = set().union(*map(distribution, third))
    # uvicorn imports it, where a page opens a WebSocket
    assert not declared - needed - {"websockets"}, "in pyproject.toml and imported nowhere"


def test_optional_packages_are_imported_where_they_are_used() -> None:
    """At the top only of modules that explain what is missing, which others import in functions."""
    assert {p for p in OPTIONAL if p != "dask"} == set().union(*EXTRAS.values())
    first = {module: list(at_once(tree)) for module, tree in modules().items()}
    lazy = set()
    for module, names_there in first.items():
        for name, explained in names_there:
            if name.partition(".")[0] in OPTIONAL:
                if module.startswith("emonets.app."):
                    lazy.add(module)  # a package of its own: its command explains what is missing
                    continue
                assert explained, f"{module} imports {name} at once and does not say what to do"
                lazy.add(module)
    assert "emonets.runtime.graph_builder" in lazy
    for module, names_there in first.items():
        if module not in lazy and not module.startswith("emonets.app."):
            found = lazy & {name for name, _ in names_there}
            assert not found, f"{module} imports {found} at once"


def in_a_base_install(code: str) -> str:
    """What a program prints where no optional package is installed."""
    blocked = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""
    done = subprocess.run(
        [sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False,
        timeout=120, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["modern", "paper"])
def test_the_base_install_predicts(name: str, happy: Path) -> None:
    """Also after a network has travelled to another process."""
    code = f"""
import pickle
import emonets, emonets.cli.main
model = emonets.load({name!r})
model.face = pickle.loads(pickle.dumps(model.face))
for row in model.predict({str(happy)!r}).rows:
    print(row.model, len(row.probabilities))
assert not set(sys.modules) & set({OPTIONAL})
"""
    printed = in_a_base_install(code)
    assert {"face 7", "audio 7", "face+audio 7"} <= set(printed.splitlines())


def test_a_loaded_model_is_saved_without_onnx(tmp_path: Path) -> None:
    code = f"""
import emonets
emonets.load().save({str(tmp_path / "copy")!r})
try:
    import emonets.runtime.graph_builder
except emonets.EmoNetsError as error:
    print(error)
"""
    assert "pip install 'emonets[train]'" in in_a_base_install(code)
    assert (tmp_path / "copy" / "face_network.onnx").exists()


def test_importing_the_package_is_light() -> None:
    code = "import emonets; print(set(sys.modules) & {'numpy', 'cv2', 'av', 'sklearn', 'rich'})"
    assert in_a_base_install(code).strip() == "set()"
