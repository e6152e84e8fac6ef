"""Retrieve and listMetadata: what the org has, as files and as properties."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfprm.devorg import ids
from sfprm.devorg.metadata.component import Listed
from sfprm.devorg.metadata.markup import Node, element, render
from sfprm.devorg.metadata.package import pack
from sfprm.devorg.metadata.types import BY_NAME
from sfprm.devorg.problems import Refusal

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["check_retrieve", "list_metadata", "start_retrieve"]


def start_retrieve(
    org: Org, members: Mapping[str, Sequence[str]], version: str, single_package: bool, user_id: str
) -> str:
    """Keep a retrieval to be polled; its id (18 characters, prefix 09S)."""
    retrieve_id = org.storage.next_id("09S")
    org.storage.meta_set(
        f"retrieval:{retrieve_id}",
        {
            "members": {type_: list(names) for type_, names in members.items()},
            "version": version,
            "single": single_package,
            "user": user_id,
            "polls": 0,
        },
    )
    return retrieve_id


def check_retrieve(org: Org, retrieve_id: str, include_zip: bool = True) -> Node:
    """One poll: the `result` element. The first says InProgress. Raises Refusal for an id that
    is none."""
    key, job = _job(org, retrieve_id)
    job["polls"] += 1
    org.storage.meta_set(key, job)
    full = key.partition(":")[2]
    if job["polls"] < 2:
        return element(
            "result",
            ("done", False),
            ("id", full),
            ("status", "InProgress"),
            ("success", False),
        )
    prefix = "" if job["single"] else "unpackaged/"
    files: dict[str, bytes] = {}
    properties: list[Node] = []
    messages: list[Node] = []
    for type_, members in job["members"].items():
        handler = BY_NAME.get(type_)
        if handler is None:
            messages.append(_message(prefix, f"Entity type: '{type_}' is unknown"))
            continue
        found = handler.retrieve(org, type_, members)
        files.update({prefix + path: content for path, content in found.items()})
        there = {one.full_name: one for one in handler.listed(org, type_)}
        for name in sorted(there) if "*" in members else members:
            listed = there.get(name)
            if listed is not None and listed.path in found:
                properties.append(_properties(org, listed, prefix, type_))
            elif "*" not in members and not any(_holds(path, name) for path in found):
                problem = f"Entity of type '{type_}' named '{name}' cannot be found"
                messages.append(_message(prefix, problem))
    files[f"{prefix}package.xml"] = _package_xml(job["members"], job["version"])
    return element(
        "result",
        ("done", True),
        *properties,
        ("id", full),
        *messages,
        ("status", "Succeeded"),
        ("success", True),
        ("zipFile", base64.b64encode(pack(files)).decode("ascii") if include_zip else None),
    )


def list_metadata(org: Org, queries: Sequence[tuple[str, str | None]]) -> list[Node]:
    """The `result` elements for up to 3 queries of (type, folder). Raises Refusal."""
    if not 1 <= len(queries) <= 3:
        raise Refusal(
            500, "INVALID_OPERATION", "listMetadata takes 1 to 3 queries"
        )  # limit [D], code unverified
    found: list[Node] = []
    for type_, folder in queries:
        handler = BY_NAME.get(type_)
        if handler is None:
            raise Refusal(500, "INVALID_TYPE", f"Unknown type:{type_}")
        found.extend(
            _properties(org, listed, "", type_, "result")
            for listed in handler.listed(org, type_)
            if not folder or listed.full_name.startswith(f"{folder}/")
        )
    return found


def _job(org: Org, retrieve_id: str) -> tuple[str, dict[str, Any]]:
    try:
        key = f"retrieval:{ids.canonical(retrieve_id)}"
    except ValueError:
        key = "retrieval:"
    job: dict[str, Any] | None = org.storage.meta_get(key)
    if job is None:
        raise Refusal(
            500, "INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {retrieve_id}"
        )
    return key, job


def _holds(path: str, name: str) -> bool:
    return path.rpartition("/")[2].startswith(name.partition(".")[0])


def _message(prefix: str, problem: str) -> Node:
    return element("messages", ("fileName", f"{prefix}package.xml"), ("problem", problem))


def _properties(
    org: Org, one: Listed, prefix: str, type_: str, tag: str = "fileProperties"
) -> Node:
    user = (org.storage.get("User", one.user_id) or {}) if one.user_id else {}
    name = str(user.get("Name") or "")
    return element(
        tag,
        ("createdById", one.user_id),
        ("createdByName", name),
        ("createdDate", _instant(one.created)),
        ("fileName", prefix + one.path),
        ("fullName", one.full_name),
        ("id", one.id),
        ("lastModifiedById", one.user_id),
        ("lastModifiedByName", name),
        ("lastModifiedDate", _instant(one.modified)),
        ("manageableState", "unmanaged"),
        ("type", type_),
    )


def _instant(at: Any) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"


def _package_xml(members: Mapping[str, Sequence[str]], version: str) -> bytes:
    types = [
        element("types", *(("members", name) for name in names), ("name", type_))
        for type_, names in sorted(members.items())
    ]
    return render(element("Package", *types, ("version", version)))
