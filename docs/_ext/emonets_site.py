"""What the site needs beside Sphinx: generated pages, docstrings, diagrams, links to sources."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import generated_pages
from diagrams import svg_of
from docstrings import as_rst
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
FENCE = re.compile(r"(```.*?```)", re.DOTALL)


def figures_of_names(block: Any, variables: dict[str, Any], conf: dict[str, Any]) -> str:
    """Pictures of an example: the figures among its names, each where it was made.

    Figures of `emonets.evaluation.figures` do not belong to pyplot, which the gallery asks.
    """
    from matplotlib.figure import Figure
    from sphinx_gallery.scrapers import figure_rst

    paths = []
    for value in list(variables["example_globals"].values()):
        if (
            isinstance(value, Figure)
            and not hasattr(value, "in_gallery")
            and getattr(value, "number", None) is None
        ):
            path = next(variables["image_path_iterator"])
            value.savefig(path, dpi=80)
            value.in_gallery = True  # type: ignore[attr-defined]
            paths.append(path)
    return str(figure_rst(paths, conf["src_dir"]))


def _generate(app: Sphinx) -> None:
    generated_pages.write_all(Path(app.srcdir) / "reference" / "generated")


def _docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = as_rst(lines)


def _repository(root: Path) -> str:
    """The address under which the sources can be read; empty where the project states none."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    urls = {key.lower(): url for key, url in project.get("urls", {}).items()}
    for key in ("source", "repository", "homepage"):
        if key in urls:
            return str(urls[key]).rstrip("/")
    return ""


def _present(app: Sphinx, docname: str, source: list[str]) -> None:
    """Leave out of the first page's lists what this checkout does not have."""
    if docname != "index":
        return
    kept = []
    inside = False
    for line in source[0].splitlines():
        if line.startswith("```"):
            inside = line == "```{toctree}"
        page = Path(app.srcdir) / f"{line}.md"
        entry = inside and re.fullmatch(r"[\w/]+", line)
        if not entry or page.is_file() or line.startswith("gallery_pages"):
            kept.append(line)
    source[0] = "\n".join(kept) + "\n"


def _nothing_is_fetched(app: Sphinx, error: Exception | None) -> None:
    """Raise if a page of the site would load anything from elsewhere."""
    if error is not None or app.builder.format != "html":
        return
    loads = re.compile(
        r"<(?:script|img|iframe|source)[^>]+src=[\"'](?:https?:)?//|"
        r"<link[^>]+rel=[\"'](?:stylesheet|preload|icon)[\"'][^>]+href=[\"'](?:https?:)?//"
    )
    bad = [
        str(page) for page in Path(app.outdir).rglob("*.html")
        if loads.search(page.read_text("utf-8"))
    ]  # fmt: skip
    if bad:
        raise ExtensionError(f"these pages load something from elsewhere: {', '.join(bad)}")


def _links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Links to files outside of the site become links to the repository, or plain text."""
    page = Path(app.env.doc2path(docname))
    if page.suffix != ".md":
        return
    docs = Path(app.srcdir).resolve()
    address = _repository(docs.parent)

    def link(found: re.Match[str]) -> str:
        text, target = found[1], found[2]
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        place = (page.parent / target.partition("#")[0]).resolve()
        if place.is_relative_to(docs) and not place.is_dir() and place.suffix != ".py":
            return found[0]
        if not place.exists():
            return found[0]
        name = place.relative_to(docs.parent).as_posix()
        if address:
            kind = "tree" if place.is_dir() else "blob"
            return f"[{text}]({address}/{kind}/main/{name})"
        shown = text.strip("`")
        same = shown.rstrip("/").endswith(place.name) or place.name.endswith(shown)
        return f"`{name}`" if same else f"{text} (`{name}`)"

    parts = FENCE.split(source[0])
    source[0] = "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


class Mermaid(Directive):
    """A diagram in Mermaid's language, drawn at build time: no script, nothing fetched."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """A picture that follows the colours of the page."""
        html = f'<div class="diagram">{svg_of(list(self.content))}</div>'
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect all of it."""
    app.add_directive("mermaid", Mermaid)
    app.connect("builder-inited", _generate)
    app.connect("source-read", _present)
    app.connect("source-read", _links)
    app.connect("build-finished", _nothing_is_fetched)
    app.connect("autodoc-process-docstring", _docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
