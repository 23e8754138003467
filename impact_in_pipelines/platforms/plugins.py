"""Finding connectors: entry points read once a process, each connector imported on first use.

A connector that can't be used is one line in the log that names it, and counts as not installed: the
others work.
"""

import logging
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from impact_in_pipelines.platforms.names import Platform

GROUP = "impact_in.connectors"
"""The group of entry points; an entry's name is the platform's."""
API_VERSION = 1
"""What a connector's `api_version` must be; a change that existing connectors don't survive raises it."""
OURS = "impact-in-pipelines"
"""The package whose connectors nobody else's of the same name replace."""

MOST = 16
"""A record of an outcome has four bits for its platform (sla/everybody/outcomes.py)."""

_RESERVED = frozenset({"all"})
_PARTS = ("facts", "payload", "reported", "path", "headers", "promise", "classify", "call_backs")

_log = logging.getLogger(__name__)
_loading = threading.RLock()
_others = True


class Plugin(Protocol):
    """What every connector has; the rest of its shape is `connectors.plugin.PlatformPlugin`."""

    api_version: int
    facts: Any


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a registered connector can't be used. `package` and `place` say whose it is and where it was looked
    for (`module:object`)."""

    name: str
    package: str
    place: str
    why: str

    def __str__(self) -> str:
        return f"connector {self.name!r} of {self.package} ({self.place}) isn't used: {self.why}"


class PluginMissing(LookupError):
    """There is no connector for a platform."""

    def __init__(self, name: str, problem: PluginProblem | None) -> None:
        told = str(problem) if problem else f"no connector is installed for platform {name!r}"
        super().__init__(told)
        self.problem = problem


def registered_names() -> Sequence[str]:
    """The names of all registered connectors, this package's first. None is imported: some may not work."""
    return tuple(_entries()[0])


def installed() -> "tuple[Platform, ...]":
    """The platforms whose connectors work: this package's, then the others by name."""
    return _installed()


def is_installed(name: str) -> bool:
    """Whether a working connector has this name; whoever asks may have typed anything."""
    return name in _entries()[0] and plugin_if_installed(name) is not None


def installed_platform(text: str) -> "Platform":
    """The platform that somebody names. Raises `ValueError` where none of that name works here."""
    from impact_in_pipelines.platforms.names import Platform

    if not is_installed(text):
        raise ValueError(f"no platform {text!r}")
    return Platform(text)


def plugin_of(name: str) -> Plugin:
    """The connector of a platform. Raises `PluginMissing`."""
    found = _load(name)
    if isinstance(found, PluginProblem) or found is None:
        raise PluginMissing(name, found)
    return found


def plugin_if_installed(name: str) -> Plugin | None:
    """The connector of a platform; None: it has none that works."""
    found = _load(name)
    return None if isinstance(found, PluginProblem) else found


def problems() -> tuple[PluginProblem, ...]:
    """Everything that is registered and can't be used."""
    found = list(_entries()[1])
    found += [one for name in registered_names() if isinstance(one := _load(name), PluginProblem)]
    if not any(_is_ours(entry) for entry in _entries()[0].values()):
        found.append(
            PluginProblem(
                "*", OURS, GROUP, "none of its own is registered; install the package again"
            )
        )
    return tuple(found)


def installed_files() -> tuple[Path, ...]:
    """Of the connectors of other packages: what each was imported from, and what its installation wrote. A
    process that has started before they changed knows them as they were, or not at all."""
    found: list[Path] = []
    for entry in _entries()[0].values():
        if _is_ours(entry):
            continue
        module = sys.modules.get(entry.module)
        found += [Path(module.__file__)] if module is not None and module.__file__ else []
        for file in (entry.dist.files or ()) if entry.dist is not None else ():
            if file.name == "entry_points.txt":
                found.append(Path(str(file.locate())))
    return tuple(path for path in found if path.exists())


def leave_out_others() -> None:
    """In this process, act as if no other package had a connector: for what must be the same wherever it is
    made. Called before anything has read which there are."""
    global _others
    _others = False
    forget()


def forget() -> None:
    """Read everything anew on next use; for tests, and nothing that runs."""
    _entries.cache_clear()
    _loaded.clear()
    _installed.cache_clear()


@cache
def _installed() -> "tuple[Platform, ...]":
    from impact_in_pipelines.platforms.names import (
        Platform,  # which iterates over what is said here
    )

    for problem in problems():
        _log.warning("%s", problem)
    return tuple(
        Platform(name) for name in registered_names() if plugin_if_installed(name) is not None
    )


@cache
def _entries() -> "tuple[dict[str, EntryPoint], tuple[PluginProblem, ...]]":
    """The registered connectors by name, in their order, and those that can't be told apart or named."""
    from importlib.metadata import entry_points

    from impact_in_pipelines.platforms.names import NAME

    by_name: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        if not _others and not _is_ours(entry):
            continue
        by_name.setdefault(entry.name, []).append(entry)
    good: dict[str, EntryPoint] = {}
    bad: list[PluginProblem] = []
    # Ours first: what has numbered them once goes on to.
    order = sorted(by_name, key=lambda name: (not any(map(_is_ours, by_name[name])), name))
    for name in order:
        entries = by_name[name]
        ours = [entry for entry in entries if _is_ours(entry)]
        if not NAME.fullmatch(name) or name in _RESERVED:
            why = "its name must be up to 30 lower case letters, digits and _, and not 'all'"
            bad += [_problem(entry, why) for entry in entries]
        elif len(entries) > 1:
            kept = ours[:1]
            if kept:
                good[name] = kept[0]
            packages = ", ".join(sorted({_package(entry) for entry in entries}))
            why = f"its name is registered by {packages}"
            bad += [_problem(entry, why) for entry in entries if entry not in kept]
        else:
            good[name] = entries[0]
    for name in list(good)[MOST:]:
        bad.append(_problem(good.pop(name), f"there may be {MOST} connectors at most"))
    return good, tuple(bad)


_loaded: dict[str, Plugin | PluginProblem] = {}


def _load(name: str) -> Plugin | PluginProblem | None:
    """The connector, or what is wrong with it; None: nobody has registered one."""
    found = _loaded.get(name)
    if found is None and (entry := _entries()[0].get(name)) is not None:
        with _loading:
            found = _loaded.get(name)
            if found is None:
                found = _loaded[str(name)] = _tried(entry)
    return found


def _tried(entry: "EntryPoint") -> Plugin | PluginProblem:
    try:
        found = entry.load()
        plugin = found() if isinstance(found, type) else found
        version = getattr(plugin, "api_version", None)
        if version != API_VERSION:
            stated = "states none" if version is None else f"is written for {version!r}"
            return _problem(
                entry, f"this program has plug-in API version {API_VERSION}, it {stated}"
            )
        missing = [part for part in _PARTS if getattr(plugin, part, None) is None]
        if missing:
            return _problem(entry, f"it has no {', '.join(missing)}")
        from impact_in_pipelines.platforms.facts import PlatformFacts

        if not isinstance(plugin.facts, PlatformFacts):
            return _problem(entry, "its facts are no PlatformFacts")
    except (Exception, SystemExit) as error:
        told = " ".join(str(error).split())[:300]
        return _problem(entry, f"{type(error).__name__}: {told}")
    checked: Plugin = plugin
    return checked


def _problem(entry: "EntryPoint", why: str) -> PluginProblem:
    return PluginProblem(entry.name, _package(entry), entry.value, why)


def _package(entry: "EntryPoint") -> str:
    return entry.dist.name if entry.dist is not None else "an unknown package"


def _is_ours(entry: "EntryPoint") -> bool:
    return _package(entry).replace("_", "-").lower() == OURS
