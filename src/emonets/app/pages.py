"""The pages of the server, and their files. (A placeholder.)"""

from __future__ import annotations

from importlib.resources import files


def start_page() -> str:
    """The page with the clips."""
    return _page("Clips")


def live_page() -> str:
    """The page with the camera."""
    return _page("Live")


def compare_page() -> str:
    """The page that compares clips."""
    return _page("Compare")


def evaluate_page() -> str:
    """The page of a labelled batch."""
    return _page("Evaluate")


def help_page() -> str:
    """Keys, REST, what is kept."""
    return _page("Help")


def asset(name: str) -> tuple[bytes, str] | None:
    """Content and type of a file of the pages; None: there is none of that name."""
    kinds = {".css": "text/css", ".js": "text/javascript"}
    place = files("emonets.app").joinpath("assets")
    found = next((one for one in place.iterdir() if one.name == name), None)
    kind = next((kinds[end] for end in kinds if name.endswith(end)), None)
    return None if found is None or kind is None else (found.read_bytes(), kind)


def _page(title: str) -> str:
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title></html>'
