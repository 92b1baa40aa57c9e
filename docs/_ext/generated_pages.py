"""Pages that are made of the code: commands, columns, presets, formats."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, get_type_hints

import typer

from emonets.cli.main import app
from emonets.cli.options import DefaultGroup
from emonets.emotions import EMOTIONS
from emonets.export.base import writers
from emonets.export.codebook import entry_of
from emonets.result import COLUMNS
from emonets.result_tables import CLIP_COLUMNS, PERSON_COLUMNS, WINDOW_COLUMNS
from emonets.runtime.settings import _expected, _options
from emonets.training.preset import load_preset, preset_names, table_kinds


def write_all(folder: Path) -> None:
    """Write every page whose text has changed."""
    pages = {
        "commands": commands(), "columns": columns(), "presets": presets(), "formats": formats(),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        place = folder / f"{name}.md"
        if not place.is_file() or place.read_text("utf-8") != text:
            place.write_text(text, "utf-8")


def _cell(text: object) -> str:
    shown = " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")
    return shown.replace("*", "\\*").replace("[", "\\[").replace("_", "\\_").replace("$", "\\$")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


# -- commands -----------------------------------------------------------------------------------


def every_command() -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words of each command, and the command."""

    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield path, command
            return
        for name, own in inner.items():
            yield from walk(own, (*path, name))

    yield from walk(typer.main.get_command(app), ())


def commands() -> str:
    """All commands with their options and examples."""
    root = typer.main.get_command(app)
    out = []
    for path, command in every_command():
        words = " ".join(path)
        if path[-1] == "all" and isinstance(root.commands[path[0]], DefaultGroup):  # type: ignore[attr-defined]
            words = path[0]
        out.append(f"## emonets {words}\n")
        out.append(_prose(command.help or "") + "\n")
        context = command.make_context(words, [], resilient_parsing=True)
        records = [p for p in command.params if not getattr(p, "hidden", False)]
        rows = []
        for parameter in records:
            shown = parameter.get_help_record(context)
            name = shown[0] if shown else parameter.human_readable_name.upper()
            text = shown[1] if shown else (getattr(parameter, "help", "") or "")
            rows.append((f"`{name.strip()}`", _cell(text)))
        if rows:
            out.append(table(("option", "what it does"), rows))
        examples = _examples(command.epilog or "")
        if examples:
            out.append("```sh\n" + "\n".join(examples) + "\n```\n")
    return "\n".join(out)


def _prose(text: str) -> str:
    paragraphs = text.replace("\b", "").split("\n\n")
    return "\n\n".join(_cell(p) for p in paragraphs if p.strip())


def _examples(epilog: str) -> list[str]:
    return [line.strip() for line in epilog.splitlines() if line.strip().startswith("emonets ")]


# -- columns ------------------------------------------------------------------------------------

TABLES = {
    "results": ("`results.csv`, and `Result.to_pandas()`", COLUMNS),
    "windows": ("`Result.windows()`", WINDOW_COLUMNS),
    "persons": ("`persons.csv`, and `Result.persons()`", PERSON_COLUMNS),
    "clips": ("`Result.clips()`", CLIP_COLUMNS),
}


def columns() -> str:
    """Every column of every table, from the codebook."""
    out = []
    for name, (where, names) in TABLES.items():
        rows = []
        for column in names:
            if column in EMOTIONS[1:] or column in {f"share_{e}" for e in EMOTIONS[1:]}:
                continue
            entry = entry_of(column)
            shown = f"`{column}`"
            if column == EMOTIONS[0]:
                shown = f"`{EMOTIONS[0]}` … `{EMOTIONS[-1]}`"
            elif column == f"share_{EMOTIONS[0]}":
                shown = f"`share_{EMOTIONS[0]}` … `share_{EMOTIONS[-1]}`"
            meaning = entry.meaning.replace(f"'{EMOTIONS[0]}'", "the emotion")
            rows.append(
                (shown, _cell(meaning), _cell(entry.unit), _cell(entry.range),
                 _cell(entry.not_meant))
            )  # fmt: skip
        out.append(f"## {name}\n\n{where}.\n")
        out.append(table(("column", "meaning", "unit", "range", "what it cannot mean"), rows))
    return "\n".join(out)


# -- presets ------------------------------------------------------------------------------------


def presets() -> str:
    """Every key of a preset: what it may be, its default, its section, the values that ship."""
    shipped = {name: load_preset(name) for name in ("paper", "modern", "open")}
    assert set(shipped) == set(preset_names())
    comments = {name: _comments(name) for name in shipped}
    out = []
    for top, kinds in table_kinds().items():
        for kind in kinds:
            model = getattr(kind, "model", "")
            title = f"[{top}]" + (f' with model = "{model}"' if len(kinds) > 1 else "")
            out.append(f"## {title}\n")
            fit = {
                name: own[top] for name, own in shipped.items()
                if top in own and (len(kinds) == 1 or own[top].get("model") == model)
            }  # fmt: skip
            out += _tables(kind, top, fit, comments)
    return "\n".join(out)


def _tables(
    kind: type[Any], where: str, shipped: dict[str, Any], comments: dict[str, dict[str, str]]
) -> list[str]:
    hints, rows, inner = get_type_hints(kind), [], list[str]()
    for own in fields(kind):
        if own.name == "model" or not own.init:
            continue
        options = [part for part in _options(hints[own.name]) if part is not type(None)]
        deeper = {name: values[own.name] for name, values in shipped.items() if own.name in values}
        if is_dataclass(options[0]):
            for one in options:
                inner += _tables(one, f"{where}.{own.name}", deeper, comments)
            continue
        try:
            expected = _expected(options[0], own.metadata)
        except (KeyError, TypeError):
            expected = "a table"
        notes = [text[f"{where}.{own.name}"] for text in comments.values()
                 if f"{where}.{own.name}" in text]  # fmt: skip
        ships = ", ".join(f"{name} {_value(value)}" for name, value in deeper.items())
        rows.append(
            (f"`{own.name}`", _cell(expected), _value(own.metadata.get("value", own.default)),
             _cell(own.metadata.get("section", "") or "–"), ships or "–",
             _cell(own.metadata.get("fixed", "") or (notes[0] if notes else "")))
        )  # fmt: skip
    if not rows:
        return inner
    head = ("key", "what it may be", "default", "paper's section", "as shipped", "note")
    return [f"### `[{where}]`\n", table(head, rows), *inner]


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if repr(value).startswith("<dataclasses"):
        return "required"
    shown = value if not isinstance(value, tuple) else list(value)
    return f"`{shown}`".replace("|", "\\|") if shown != "" else '`""`'


def _comments(name: str) -> dict[str, str]:
    """The comment behind each key of a shipped preset."""
    text = (resources.files("emonets") / "presets" / f"{name}.toml").read_text("utf-8")
    tomllib.loads(text)
    found, where = {}, ""
    for line in text.splitlines():
        if line.startswith("["):
            where = line[1 : line.index("]")]
        elif "=" in line and "#" in line and not line.startswith("#"):
            key = line.partition("=")[0].strip()
            found[f"{where}.{key}"] = line.rpartition("#")[2].strip()
    return found


# -- formats ------------------------------------------------------------------------------------


def formats() -> str:
    """The formats of ``--format``, with the words that the command completes."""
    rows = [(f"`{name}`", _cell(about)) for name, about in _formats()]
    return table(("`--format`", "what it is"), rows)


def _formats() -> list[tuple[str, str]]:
    return [(name, getattr(writer, "about", "")) for name, writer in sorted(writers().items())]
