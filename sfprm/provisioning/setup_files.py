"""What setup deploys, fitted to the programme: an org that may not be changed names unique fields
of its own (design, decision 1); then no field is deployed for that object, and the permission sets
grant the field that is named. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # writing only; the files are read by defusedxml

from defusedxml import ElementTree

from sfprm.programme.policies import KEY_FIELD
from sfprm.salesforce.package import METADATA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.programme.policies import KeyFields

__all__ = ["key_of", "setup_files"]

_NS = f"{{{METADATA}}}"
_KEYED = ("Account", "Contact")


def key_of(keys: KeyFields, object_: str) -> str:
    """The key field of Account or Contact."""
    return keys.account if object_ == "Account" else keys.contact


def setup_files(files: Mapping[str, bytes], keys: KeyFields) -> dict[str, bytes]:
    """The package for these key fields; untouched when they are the ones that it deploys."""
    others = {o: key_of(keys, o) for o in _KEYED if key_of(keys, o) != KEY_FIELD}
    found = dict(files)
    for object_, key in others.items():
        found.pop(f"objects/{object_}.object", None)
        old, new = f"{object_}.{KEY_FIELD}".encode(), f"{object_}.{key}".encode()
        for path, content in found.items():
            if path.startswith("permissionsets/"):
                found[path] = content.replace(b">%b<" % old, b">%b<" % new)
    if others:
        named = {f"{object_}.{KEY_FIELD}" for object_ in others}
        found["package.xml"] = _without(found["package.xml"], named)
    return found


def _without(package: bytes, members: set[str]) -> bytes:
    """The manifest without these members, and without types that are then empty."""
    root: ET.Element = ElementTree.fromstring(package)
    for types in root.findall(f"{_NS}types"):
        for member in types.findall(f"{_NS}members"):
            if member.text in members:
                types.remove(member)
        if types.find(f"{_NS}members") is None:
            root.remove(types)
    text = ET.tostring(root, encoding="UTF-8", xml_declaration=True, default_namespace=METADATA)
    return bytes(text)
