"""Rewriting what the review found: role and subordinates → internal subordinates, folder access →
internal users only. Pure: retrieved files in, packages out.

The wizard "Convert External User Access" does these two [documented]. Whether `sharedTo` of an
existing sharing rule may be changed by metadata is unverified (operations.md, rule 21): the change
in place is tried first by a check-only deployment; where the org refuses it, an internal twin is
made and the old rule deleted, in one package.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # writing only; what the org sends is read by defusedxml

from defusedxml import ElementTree

from sfprm.errors import BadRequest
from sfprm.provisioning.exposure_model import Part
from sfprm.provisioning.metadata_xml import name_of, value
from sfprm.salesforce.package import METADATA, manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from sfprm.provisioning.exposure_model import ExposureReview, Finding

__all__ = ["ALL", "FOLDER_CONTENT", "Conversion", "chosen_findings", "conversion_of", "twins_of"]

ALL = "all"
"""In place of names: everything that can be rewritten."""
FOLDER_CONTENT: Mapping[str, str] = MappingProxyType(
    {
        "ReportFolder": "Report",
        "DashboardFolder": "Dashboard",
        "EmailFolder": "EmailTemplate",
        "DocumentFolder": "Document",
    }
)
"""The type under which a folder is named in a manifest."""
_RULES = {"sharingOwnerRules": "SharingOwnerRule", "sharingCriteriaRules": "SharingCriteriaRule"}
_TWIN = "_Internal"
_LONGEST = 80
_NS = f"{{{METADATA}}}"


@dataclass(frozen=True, slots=True)
class Conversion:
    """Packages by path → content, each without its manifest.

    `before` are the components as they were, `after` as they shall be; `members` name them in a
    manifest, `removed` those that `after` deletes (twins: the old rules). `names` are the findings
    rewritten.
    """

    names: tuple[str, ...]
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    members: Mapping[str, tuple[str, ...]]
    members_before: Mapping[str, tuple[str, ...]]
    removed: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def has_rules(self) -> bool:
        """Whether a sharing rule is among them."""
        return any(path.startswith("sharingRules/") for path in self.after)

    @property
    def objects(self) -> tuple[str, ...]:
        """Objects whose sharing rules are rewritten, by API name."""
        ends = (p.rpartition("/")[2] for p in self.after if p.startswith("sharingRules/"))
        return tuple(sorted(end.partition(".")[0] for end in ends))

    def package(self, api_version: str) -> dict[str, bytes]:
        """What is deployed."""
        files = {**self.after, "package.xml": manifest(self.members, api_version)}
        if self.removed:
            files["destructiveChangesPost.xml"] = manifest(self.removed, api_version)
        return files

    def way_back(self, api_version: str) -> dict[str, bytes]:
        """What puts the originals back; new twins are deleted."""
        files = {**self.before, "package.xml": manifest(self.members_before, api_version)}
        if self.removed:
            twins = {
                type_: names
                for type_, names in self.members.items()
                if type_ in _RULES.values() and names
            }
            files["destructiveChangesPost.xml"] = manifest(twins, api_version)
        return files


def chosen_findings(review: ExposureReview, names: Sequence[str]) -> tuple[Finding, ...]:
    """The findings that names mean: `all`, `Lead.Rule`, `Folder`, or `Type:Member`. Without regard
    to case. Raises BadRequest for a name that is none of what can be rewritten."""
    can = [f for f in review.findings if f.part in (Part.SHARING_RULES, Part.FOLDERS)]
    if any(name.lower() == ALL for name in names):
        return tuple(can)
    found: list[Finding] = []
    for name in names:
        low = name.lower()
        hits = [f for f in can if low in (f.metadata.lower(), f.metadata.partition(":")[2].lower())]
        if not hits:
            there = ", ".join(sorted({f.metadata.partition(":")[2] for f in can})) or "nothing"
            raise BadRequest(
                f"--convert {name}: the review found nothing of that name that can be rewritten.",
                hint=f"Give {ALL}, or some of: {there}.",
            )
        found += [f for f in hits if f not in found]
    return tuple(found)


def conversion_of(files: Mapping[str, bytes], chosen: Iterable[Finding]) -> Conversion | None:
    """The packages for these findings of retrieved files; None when there are none."""
    wanted = {f.metadata for f in chosen}
    if not wanted:
        return None
    before: dict[str, bytes] = {}
    after: dict[str, bytes] = {}
    members: dict[str, list[str]] = {}
    for path in sorted(files):
        if not path.endswith((".sharingRules", "-meta.xml")):
            continue
        root: Element = ElementTree.fromstring(files[path])
        kind = name_of(root)
        if kind == "SharingRules":
            object_ = path.rpartition("/")[2].partition(".")[0]
            rules = [
                rule
                for rule in root
                if f"{_RULES.get(name_of(rule), '')}:{object_}.{value(rule, 'fullName')}" in wanted
            ]
            if rules:
                before[path] = _rendered(kind, rules)
                after[path] = _rendered(kind, [_internal_rule(rule) for rule in rules])
                for rule in rules:
                    name = f"{object_}.{value(rule, 'fullName')}"
                    members.setdefault(_RULES[name_of(rule)], []).append(name)
        elif kind in FOLDER_CONTENT:
            name = path.partition("/")[2].removesuffix("-meta.xml").partition(".")[0]
            if f"{kind}:{name}" in wanted:
                before[path] = files[path]
                after[path] = _rendered(kind, [_internal_part(part) for part in root])
                members.setdefault(FOLDER_CONTENT[kind], []).append(name)
    named = {type_: tuple(names) for type_, names in members.items()}
    return Conversion(tuple(sorted(wanted)), before, after, named, named)


def twins_of(conversion: Conversion) -> Conversion:
    """The same, with internal twins in place of changed sharing rules; the old ones are deleted."""
    after = dict(conversion.after)
    members = {t: n for t, n in conversion.members.items() if t not in _RULES.values()}
    made: dict[str, list[str]] = {}
    for path, content in conversion.after.items():
        if not path.startswith("sharingRules/"):
            continue
        object_ = path.rpartition("/")[2].partition(".")[0]
        rules = [copy.deepcopy(rule) for rule in ElementTree.fromstring(content)]
        for rule in rules:
            name = value(rule, "fullName")[: _LONGEST - len(_TWIN)] + _TWIN
            _set(rule, "fullName", name)
            _set(rule, "label", f"{value(rule, 'label')[: _LONGEST - 11]} (internal)")
            made.setdefault(_RULES[name_of(rule)], []).append(f"{object_}.{name}")
        after[path] = _rendered("SharingRules", rules)
    removed = {t: n for t, n in conversion.members.items() if t in _RULES.values()}
    named = {**members, **{type_: tuple(names) for type_, names in made.items()}}
    return Conversion(
        conversion.names, conversion.before, after, named, conversion.members_before, removed
    )


def _set(element: Element, name: str, text: str) -> None:
    for child in element:
        if name_of(child) == name:
            child.text = text


def _internal_rule(rule: Element) -> Element:
    made = copy.deepcopy(rule)
    for holder in made:
        if name_of(holder) == "sharedTo":
            for target in holder:
                if name_of(target) == "roleAndSubordinates":
                    target.tag = f"{_NS}roleAndSubordinatesInternal"
    return made


def _internal_part(part: Element) -> Element:
    made = copy.deepcopy(part)
    if name_of(made) == "accessType" and (made.text or "").strip() == "Public":
        made.text = "PublicInternal"
    for child in made:
        if name_of(child) == "sharedToType" and (child.text or "").strip() == "RoleAndSubordinates":
            child.text = "RoleAndSubordinatesInternal"
    return made


def _rendered(kind: str, parts: Iterable[Element]) -> bytes:
    root = ET.Element(f"{_NS}{kind}")
    root.extend(parts)
    ET.indent(root, "    ")
    return bytes(
        ET.tostring(root, encoding="UTF-8", xml_declaration=True, default_namespace=METADATA)
    )
