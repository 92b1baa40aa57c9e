"""Plug-ins: objects that installed packages declare as entry points, loaded on first use.

Only the metadata of installed packages can name a plug-in. No clip, bundle, preset or result can:
installing a package is the consent to run its code. A plug-in that cannot be used gives one
sentence, with the name of its package, and the others are used.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint, distributions
from threading import RLock
from typing import Generic, TypeVar

from emonets.errors import ParameterError

T = TypeVar("T")
log = logging.getLogger("emonets.plugins")

SPECIALISTS, READERS, EXPORTS = "emonets.specialists", "emonets.readers", "emonets.exports"
GROUPS = (SPECIALISTS, READERS, EXPORTS)
"""The groups of entry points."""
SWITCH = "EMONETS_PLUGINS"
"""The environment variable that is ``off`` where no plug-in may be used."""


@dataclass(frozen=True)
class Plugin:
    """An entry point of an installed package.

    Attributes
    ----------
    group : one of `GROUPS`. name : of the entry point.
    package : name and version of the package. target : ``module:object``.
    fault : why it is not used, a sentence that names the package; "": it is used.
    """

    group: str
    name: str
    package: str
    target: str
    fault: str = ""


class Plugins(Generic[T]):
    """The plug-ins of one group; nothing is imported before `load`.

    Parameters
    ----------
    group : of entry points. kind : class of the objects that they must name.
    name_of : the name of such an object; it must be that of the entry point.
    """

    def __init__(self, group: str, kind: type[T], name_of: Callable[[T], str]) -> None:
        self.group = group
        self.kind = kind
        self.name_of = name_of
        self._lock = RLock()
        self._begun = False
        self._found: tuple[Plugin, ...] = ()

    @property
    def found(self) -> tuple[Plugin, ...]:
        """Those that `load` has found, by name."""
        return self._found

    def load(self, add: Callable[[T, str], object]) -> None:
        """Import all plug-ins of the group; a second call changes nothing.

        Parameters
        ----------
        add : takes each object, and name and version of its package. It raises
            `ParameterError` where the name is taken.
        """
        with self._lock:
            if self._begun:  # a plug-in may use the registry that loads it
                return
            self._begun = True
            found = sorted(_declared(self.group), key=lambda p: (p[0].name, p[0].package))
            times = Counter(plugin.name for plugin, _ in found)
            made = []
            for plugin, point in found:
                if times[plugin.name] > 1:
                    others = [p.package for p, _ in found if p.name == plugin.name]
                    reason = f"several packages have this name: {', '.join(others)}"
                else:
                    reason = self._load(point, plugin.package, add)
                if reason:
                    plugin = replace(plugin, fault=_sentence(plugin, reason))  # noqa: PLW2901
                    note(plugin.fault)
                made.append(plugin)
            self._found = tuple(made)

    def fault_of(self, name: str) -> str:
        """Why a plug-in of this name is not used; "" where none is broken."""
        return next((p.fault for p in self._found if p.name == name and p.fault), "")

    def package_of(self, name: str) -> str:
        """Name and version of the package of a plug-in that is used; "" where there is none."""
        return next((p.package for p in self._found if p.name == name and not p.fault), "")

    def _load(self, point: EntryPoint, package: str, add: Callable[[T, str], object]) -> str:
        """What is wrong with a plug-in; "" where it was added."""
        try:
            made = point.load()
        except (Exception, SystemExit) as error:  # whatever the code of others may raise
            return f"{type(error).__name__}: {' '.join(str(error).split())}"
        if not isinstance(made, self.kind):
            return f"{point.value} is no {self.kind.__module__}.{self.kind.__name__}"
        if self.name_of(made) != point.name:
            return f"{point.value} has another name, {self.name_of(made)!r}"
        try:
            add(made, package)
        except ParameterError as error:
            return str(error)
        return ""


def _sentence(plugin: Plugin, reason: str) -> str:
    return (
        f"{plugin.package}: its plug-in {plugin.name!r} of {plugin.group} is not used ({reason}); "
        f"update or uninstall the package"
    )


def note(text: str) -> None:
    """Log once a command: processes that it starts find the same."""
    if multiprocessing.parent_process() is None:
        log.warning(text)


def _allowed() -> bool:
    given = os.environ.get(SWITCH, "")
    if given.lower() not in {"", "on", "off"}:
        raise ParameterError(f"{SWITCH} must be on or off, got {given!r}")
    return given.lower() != "off"


def _declared(group: str) -> Iterator[tuple[Plugin, EntryPoint]]:
    """Entry points of a group; of a package that is found twice, those that Python imports."""
    if not _allowed():
        return
    seen = set()
    for package in distributions():
        try:
            text = package.read_text("entry_points.txt") or ""
            if group not in text:  # most packages; their metadata need not be read
                continue
            name = _name(package)
            if name in seen:
                continue
            seen.add(name)
            points = [point for point in package.entry_points if point.group == group]
        except Exception as error:  # files of others
            where = getattr(package, "_path", "an installed package")
            note(f"{where}: its entry points cannot be read ({error}); install the package again")
            continue
        version = _version(package)
        for point in points:
            yield Plugin(group, point.name, f"{name}{version}", point.value), point


def _name(package: Distribution) -> str:
    return str(package.metadata["Name"] or "a package without a name")


def _version(package: Distribution) -> str:
    version = package.metadata["Version"]
    return f" {version}" if version else ""
