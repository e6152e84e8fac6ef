"""One deployment carried out: components found, checked against the manifest, applied in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfprm.devorg.metadata.component import Change, Component, Context, Refused, read_file
from sfprm.devorg.metadata.markup import Node
from sfprm.devorg.metadata.package import BadPackage, Manifest, open_package, read_manifest
from sfprm.devorg.metadata.types import BY_DIRECTORY, BY_NAME, TYPES
from sfprm.devorg.problems import Refusal, RowProblem
from sfprm.devorg.schema import load_schema

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import ObjectDef

__all__ = ["Failure", "Outcome", "Success", "install", "run"]

_DESTRUCTIVE = ("destructiveChangesPre.xml", "destructiveChanges.xml")
_DESTRUCTIVE_LAST = "destructiveChangesPost.xml"
_META = "-meta.xml"


@dataclass(frozen=True, slots=True)
class Failure:
    """One problem. Lines and columns start at 1; 0 when it has no place."""

    type: str
    file: str
    full_name: str
    problem: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Success:
    """One component applied (or that would have been, with checkOnly). `warning` is what the
    deployment says of it all the same."""

    type: str
    file: str
    full_name: str
    change: Change
    deleted: bool = False
    warning: str = ""


@dataclass(slots=True)
class Outcome:
    """What a deployment did, component by component."""

    failures: list[Failure] = field(default_factory=list)
    successes: list[Success] = field(default_factory=list)


class _TakenBack(Exception):
    """Leaves the transaction so that it is rolled back."""


def run(context: Context, zip_: bytes, *, check_only: bool, rollback_on_error: bool) -> Outcome:
    """Carry out a deployment in one transaction; nothing stays of it with `check_only`, or when a
    component fails and `rollback_on_error` is set. Mails of what is taken back are forgotten."""
    org = context.org
    outcome = Outcome()
    mails = org.outbox.mark()
    schema = org.schema.objects()
    try:
        with org.storage.transaction():
            _apply(context, zip_, outcome)
            if check_only or (outcome.failures and rollback_on_error):
                raise _TakenBack
    except _TakenBack:
        org.outbox.forget_after(mails)
        _restore_schema(org, schema)
    org.changed()
    org.permissions.forget()
    return outcome


def install(context: Context, files: Mapping[str, bytes]) -> Outcome:
    """Apply files without a manifest, for seeds; what fails is in the outcome, the rest stays."""
    outcome = Outcome()
    with context.org.storage.transaction():
        for component in _components(files, None, outcome):
            _deploy(context, component, outcome)
    context.org.changed()
    return outcome


def _apply(context: Context, zip_: bytes, outcome: Outcome) -> None:
    try:
        package = open_package(zip_)
        removals = {
            path: read_manifest(package.files[path], path)
            for path in (*_DESTRUCTIVE, _DESTRUCTIVE_LAST)
            if path in package.files
        }
    except BadPackage as bad:
        outcome.failures.append(Failure("", bad.file, bad.file, bad.problem, bad.line, bad.column))
        return
    for path in _DESTRUCTIVE:
        if path in removals:
            _remove(context, path, removals[path], outcome)
    components = list(_components(package.files, package.manifest, outcome))
    for component in components:
        _deploy(context, component, outcome)
    _missing(package.manifest, components, outcome)
    if _DESTRUCTIVE_LAST in removals:
        _remove(context, _DESTRUCTIVE_LAST, removals[_DESTRUCTIVE_LAST], outcome)


def _components(
    files: Mapping[str, bytes], manifest: Manifest | None, outcome: Outcome
) -> Iterable[Component]:
    """The components of all files, in the order in which types are applied. Without a manifest
    all are taken."""
    found: list[Component] = []
    for path in sorted(files):
        if path in (*_DESTRUCTIVE, _DESTRUCTIVE_LAST) or path + _META in files:
            continue
        type_ = BY_DIRECTORY.get(path.partition("/")[0])
        name = path.rpartition("/")[2]
        try:
            if type_ is None or not path.endswith(type_.suffix):
                raise Refused("Files of this kind are not imitated by this org")
            body = files.get(path.removesuffix(_META), b"") if path.endswith(_META) else b""
            for component in type_.components(read_file(path, files[path], body)):
                if manifest is None or any(manifest.names(*n) for n in component.accepted_as):
                    found.append(component)
                else:
                    outcome.failures.append(_failure(component, "Not in package.xml"))
        except Refused as refused:
            outcome.failures.append(
                Failure(
                    type_.names[0] if type_ else "",
                    path,
                    name,
                    refused.problem,
                    refused.line,
                    refused.column,
                )
            )
    order = {name: place for place, one in enumerate(TYPES) for name in one.names}
    return _in_turn(sorted(found, key=lambda component: order[component.type]))


def _in_turn(components: list[Component]) -> list[Component]:
    """The same, each behind those that it needs; in a circle they stay as they are."""
    by_name = {(one.type, one.full_name): one for one in components}
    placed: list[Component] = []
    seen: set[int] = set()
    stack = [(component, False) for component in reversed(components)]
    while stack:
        one, ready = stack.pop()
        if ready:
            placed.append(one)
        elif id(one) not in seen:
            seen.add(id(one))
            needed = [by_name.get(named) for named in one.after]
            stack.append((one, True))
            stack.extend((other, False) for other in needed if other is not None)
    return placed


def _deploy(context: Context, component: Component, outcome: Outcome) -> None:
    try:
        twin = (component.type, component.full_name)
        if twin in {(done.type, done.full_name) for done in outcome.successes}:
            raise Refused("The package holds this component twice", component.node)
        with context.org.storage.savepoint():
            change = BY_NAME[component.type].deploy(context, component)
    except Refused as refused:
        outcome.failures.append(_failure(component, refused.problem, refused.line, refused.column))
    except (RowProblem, Refusal) as refusal:
        outcome.failures.append(_failure(component, refusal.message, component.node.line, 1))
    else:
        outcome.successes.append(
            Success(component.type, component.path, component.full_name, change)
        )


def _failure(component: Component, problem: str, line: int = 0, column: int = 0) -> Failure:
    node: Node = component.node
    return Failure(
        component.type,
        component.path,
        component.full_name,
        problem,
        line or node.line,
        column or node.column,
    )


def _missing(manifest: Manifest, found: Iterable[Component], outcome: Outcome) -> None:
    """Members that the manifest names and no file holds. Text as recorded [R]."""
    held = {named for component in found for named in component.accepted_as}
    failed = {failure.full_name for failure in outcome.failures}
    for type_, members in manifest.members.items():
        if type_ not in BY_NAME:
            problem = f"Unknown type name '{type_}' specified in package.xml"
            outcome.failures.append(Failure("", "package.xml", type_, problem))
            continue
        end = BY_NAME[type_].suffix
        for member in members:
            if member == "*" or (type_, member) in held or member + end in failed:
                continue
            problem = (
                f"An object '{member}' of type {type_} was named in package.xml, but was not found"
                " in zipped directory"
            )
            outcome.failures.append(Failure(type_, "package.xml", member, problem))


def _remove(context: Context, path: str, manifest: Manifest, outcome: Outcome) -> None:
    for type_, members in manifest.members.items():
        handler = BY_NAME.get(type_)
        for member in members:
            try:
                if handler is None:
                    raise Refused(f"Deleting {type_} is not imitated by this org")
                with context.org.storage.savepoint():
                    there = handler.delete(context, type_, member)
            except Refused as refused:
                outcome.failures.append(Failure(type_, path, member, refused.problem))
            except (RowProblem, Refusal) as refusal:
                outcome.failures.append(Failure(type_, path, member, refusal.message))
            else:
                # Not an error in a real org either: a warning on a success [M].
                change = Change(created=False, changed=there)
                warning = "" if there else f"No {type_} named: {member} found"
                outcome.successes.append(
                    Success(type_, path, member, change, deleted=there, warning=warning)
                )


def _restore_schema(org: Org, before: Sequence[ObjectDef]) -> None:
    """The database has rolled back; the schema in memory follows."""
    if tuple(before) != org.schema.objects():
        schema = load_schema()
        org.storage.create(schema)
        org.schema = schema
