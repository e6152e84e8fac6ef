"""What a metadata type gives and takes: components out of files, and files out of the org."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sfprm.devorg.metadata import markup
from sfprm.devorg.metadata.markup import METADATA_NS, Node
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = [
    "Change",
    "Component",
    "Context",
    "Listed",
    "MetadataType",
    "Refused",
    "SourceFile",
    "base_name",
    "read_file",
    "refuse_unknown",
]


class Refused(Exception):
    """One component cannot be deployed: the problem in the org's words, and where it stands.

    Lines and columns start at 1; 0 when the problem has no place.
    """

    def __init__(self, problem: str, at: Node | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = at.line if at else 0
        self.column = at.column if at else 0


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a deployment: its path within the package, and its XML read. `body` is the
    content that a `-meta.xml` file describes, which lies beside it."""

    path: str
    root: Node
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Component:
    """One deployable thing. `accepted_as` are the (type, member) pairs by which a manifest may
    name it: its own, and those of the file that it is part of. `after` names components, as
    (type, full name), that must come first when the package holds them. `body` as in
    `SourceFile`."""

    type: str
    full_name: str
    path: str
    node: Node
    accepted_as: tuple[tuple[str, str], ...]
    after: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Change:
    """What deploying one component did."""

    created: bool
    changed: bool
    id: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """The org to change, who deploys (18-character user id) and when."""

    org: Org
    user_id: str
    at: datetime

    def stamps(self) -> dict[str, str]:
        """The audit fields of a row that this deployment changes."""
        at = stamp_text(self.at)
        return {
            "LastModifiedDate": at,
            "LastModifiedById": self.user_id,
            "SystemModstamp": at,
        }

    def birth(self) -> dict[str, str]:
        """The audit fields of a row that this deployment makes."""
        made = {"CreatedDate": stamp_text(self.at), "CreatedById": self.user_id}
        return {**made, **self.stamps()}


@dataclass(frozen=True, slots=True)
class Listed:
    """One component of the org, as listMetadata and retrieve describe it."""

    type: str
    full_name: str
    path: str
    id: str
    created: datetime
    modified: datetime
    user_id: str


class MetadataType(Protocol):
    """One metadata type, with the types that live in its files.

    `names` are the type names under which a manifest or a listing may ask for it, `directory` its
    folder in a package, `suffix` the end of its file names.
    """

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def directory(self) -> str: ...
    @property
    def suffix(self) -> str: ...

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The components in a file. Raises Refused when the file's shape is wrong."""

    def deploy(self, context: Context, component: Component) -> Change:
        """Create or change it. Raises Refused."""

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove it; False when there is none of that name. Raises Refused."""

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """All of that type that the org has, by name."""

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """The files that hold these members (`*`: all); members that are not there are left out."""


def base_name(path: str, suffix: str) -> str:
    """`sharingRules/Lead.sharingRules` -> `Lead`."""
    return path.rpartition("/")[2].removesuffix(suffix)


def refuse_unknown(node: Node, known: Iterable[str], type_: str) -> None:
    """Raise Refused at the first child whose name the type does not have. Text as recorded [R]."""
    allowed = frozenset(known)
    for child in node.children:
        if child.tag not in allowed:
            raise Refused(
                f"Error parsing file: Element {{{METADATA_NS}}}{child.tag} invalid at this location"
                f" in type {type_}",
                child,
            )


def read_file(path: str, content: bytes, body: bytes = b"") -> SourceFile:
    """A file of a package, read. Raises Refused with the line where it is not XML."""
    try:
        return SourceFile(path, markup.parse(content), body)
    except markup.Malformed as bad:
        place = Node("", line=bad.line, column=bad.column)
        raise Refused(f"Error parsing file: {bad.problem}", place) from bad
