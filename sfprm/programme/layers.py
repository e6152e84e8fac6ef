"""Several files as one tree: includes are joined, an overlay is laid over them.

Every value keeps the file and line it was written at, so that whatever is said about it later
points there. Includes add, and may not contradict: a key that stands in two files is refused with
both places (lists are joined, the including file's first). An overlay overrides by key; its lists
replace whole lists, and `null` takes a key away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.source import read_source
from sfprm.programme.yaml_text import Tree, Value, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "OVERLAYS",
    "Overlay",
    "environments",
    "gather",
    "laid_over",
    "listed_files",
    "overlay_for",
]

OVERLAYS = "overlays"
"""Folder of the overlays, within the programme's: `overlays/sandbox.yaml`."""

_SUFFIXES = (".yaml", ".yml")


def gather(root: Path, name: str, complaints: Complaints, *, hint: str = "") -> Tree | None:
    """The file and all that it includes. None after a complaint when it cannot be read itself."""
    return _Gatherer(root, complaints).file(root / name, hint)


class _Gatherer:
    """Reads a file and its includes, each at most once."""

    def __init__(self, root: Path, complaints: Complaints) -> None:
        self._root = root
        self._complaints = complaints
        self._read: dict[Path, Place] = {}
        self._open: list[Path] = []

    def file(self, path: Path, hint: str, asked_at: Place | None = None) -> Tree | None:
        source = read_source(path, str(path), self._complaints, hint=hint)
        tree = parse_yaml(source, self._complaints) if source is not None else None
        if tree is None:
            return None
        self._open.append(path.resolve())
        self._read[path.resolve()] = asked_at or tree.source.place(1)
        root = _without(tree.root, "include")
        for wanted, place in self._wanted(tree, path):
            further = self._included(wanted, place)
            if further is not None:
                root = self._joined(root, further.root)
        self._open.pop()
        return Tree(tree.source, root)

    def _wanted(self, tree: Tree, path: Path) -> Iterator[tuple[Path, Place]]:
        entry = (tree.root.entries or {}).get("include")
        if entry is None:
            return
        value = entry[1]
        names = value.items if value.items is not None else (value,)
        for name in names:
            if not isinstance(name.plain, str) or not name.plain:
                place = name.place if name.text or name.entries else entry[0]
                self._complaints.error(
                    place, "'include': must be a file's name.", "Such as partners/iberia.yaml."
                )
                continue
            for found in listed_files(self._root, path.parent, name, self._complaints, _SUFFIXES):
                yield found, name.place

    def _included(self, path: Path, place: Place) -> Tree | None:
        real = path.resolve()
        if real in self._open:
            chain = " → ".join(p.name for p in [*self._open[self._open.index(real) :], real])
            self._complaints.error(place, f"the files include each other: {chain}.")
            return None
        if real in self._read:
            first = self._read[real].origin
            self._complaints.error(place, f"{path.name} is included twice; first at {first}.")
            return None
        return self.file(path, f"It is included at {place.origin}.", place)

    def _joined(self, one: Value, other: Value, name: str = "") -> Value:
        """Both mappings in one; what contradicts is complained about and left out."""
        entries = dict(one.entries or {})
        for key, (place, value) in (other.entries or {}).items():
            shown = f"{name}.{key}" if name else key
            if key not in entries:
                entries[key] = (place, value)
                continue
            first, present = entries[key]
            if key in ("partners", "people") and not name:
                joined = replace(present, items=(*_forms(present), *_forms(value)), entries=None)
                entries[key] = (first, replace(joined, plain=None, text="", source=None))
            elif present.entries is not None and value.entries is not None:
                entries[key] = (first, self._joined(present, value, shown))
            elif present.items is not None and value.items is not None:
                entries[key] = (first, replace(present, items=(*present.items, *value.items)))
            else:
                self._complaints.error(
                    place,
                    f"{shown!r} stands in two files; first at {first.origin}.",
                    "Keep one of the two; an overlay is what overrides.",
                )
        return replace(one, entries=entries)


def _forms(value: Value) -> tuple[Value, ...]:
    """What `partners:` of one file holds, as parts of a list: entries by key hold their key."""
    if value.items is not None:
        return value.items
    if value.entries is None:
        return (value,)
    return tuple(
        replace(entry, entries={"key": (place, Value(place, key, text=key)), **entry.entries})
        if entry.entries is not None
        else entry
        for key, (place, entry) in value.entries.items()
    )


def _listed(value: Value) -> tuple[Value, ...]:
    return value.items if value.items is not None else (value,)


def listed_files(
    root: Path, folder: Path, name: Value, complaints: Complaints, suffixes: tuple[str, ...]
) -> list[Path]:
    """The files that a name or a pattern with `*` stands for, sorted; all within `root`."""
    text = name.text
    if ".." in text.split("/") or text.startswith(("/", "~")) or "\\" in text or "\0" in text:
        complaints.error(
            name.place, f"{text!r} is not within the programme's folder.", f"Put it below {root}/."
        )
        return []
    if "*" in text:
        found = [p for p in complaints.footprint.like(folder, text) if p.suffix in suffixes]
        if not found:
            complaints.error(name.place, f"no file fits {text!r}.")
    else:
        found = [folder / text]
    home = root.resolve()
    inside = [path for path in found if path.resolve().is_relative_to(home)]
    if len(inside) < len(found):
        complaints.error(
            name.place, f"{text!r} leads out of the programme's folder.", "Links out do not count."
        )
    return inside


@dataclass(frozen=True, slots=True)
class Overlay:
    """An overlay taken apart: what goes over programme.yaml, over routing.yaml, and over rows.

    `partners` and `people` are what stands there: a mapping by key, a file name, or a list.
    """

    tree: Tree
    programme: Value
    routing: Value | None
    partners: tuple[Value, ...]
    people: tuple[Value, ...]


def environments(root: Path) -> list[str]:
    """Names of the overlays that are there, sorted."""
    if not root.is_dir():
        return []
    return sorted({p.stem for s in _SUFFIXES for p in (root / OVERLAYS).glob(f"*{s}")})


def overlay_for(root: Path, environment: str, complaints: Complaints) -> Overlay | None:
    """The overlay of that name; None without an environment, or after a complaint."""
    if not environment:
        return None
    folder = root / OVERLAYS
    there = environments(root)
    for suffix in _SUFFIXES:
        complaints.footprint.like(folder, f"*{suffix}")
    if environment not in there:
        complaints.error(
            Place(str(folder / f"{environment}.yaml")),
            f"no such file, so there is no environment {environment!r}.",
            did_you_mean(environment, there)
            or "Write one, or leave out --environment (SFPRM_ENVIRONMENT).",
        )
        return None
    found = next(s for s in _SUFFIXES if (folder / f"{environment}{s}").exists())
    tree = gather(root, f"{OVERLAYS}/{environment}{found}", complaints)
    if tree is None:
        return None
    entries = dict(tree.root.entries or {})
    routing = entries.pop("routing", None)
    partners, people = entries.pop("partners", None), entries.pop("people", None)
    if routing is not None and routing[1].entries is None:
        complaints.error(routing[0], "'routing': must be a mapping (key: value).")
        routing = None
    return Overlay(
        tree,
        replace(tree.root, entries=entries),
        routing[1] if routing else None,
        _listed(partners[1]) if partners else (),
        _listed(people[1]) if people else (),
    )


def laid_over(base: Value, over: Value, complaints: Complaints) -> Value:
    """The base with the overlay's values in place of its own.

    A mapping over a list names the list's entries by their `name`.
    """
    if over.entries is None:
        return over
    if base.items is not None and any(item.entries is not None for item in base.items):
        return _over_named(base, over, complaints)
    if base.entries is None:
        return over
    entries = dict(base.entries)
    for key, (place, value) in over.entries.items():
        if _is_null(value):
            entries.pop(key, None)
        elif key in entries:
            first, present = entries[key]
            # an unknown or misplaced key is then told at the overlay
            entries[key] = (place, laid_over(present, value, complaints))
            if value.entries is not None and present.entries is not None:
                entries[key] = (first, entries[key][1])
        else:
            entries[key] = (place, value)
    return replace(base, entries=entries)


def _over_named(base: Value, over: Value, complaints: Complaints) -> Value:
    items = list(base.items or ())
    names = [_name_of(item) for item in items]
    for name, (place, value) in (over.entries or {}).items():
        if name not in names:
            known = [n for n in names if n]
            complaints.error(
                place,
                f"no entry is named {name!r} in the list at {base.place.origin}.",
                did_you_mean(name, known),
            )
        elif _is_null(value):
            items[names.index(name)] = value
        else:
            at = names.index(name)
            items[at] = laid_over(items[at], value, complaints)
    return replace(base, items=tuple(item for item in items if not _is_null(item)))


def _name_of(item: Value) -> str:
    entry = (item.entries or {}).get("name")
    return entry[1].text if entry is not None else ""


def _is_null(value: Value) -> bool:
    return value.plain is None and value.items is None and value.entries is None


def _without(value: Value, key: str) -> Value:
    entries = {name: entry for name, entry in (value.entries or {}).items() if name != key}
    return replace(value, entries=entries)
