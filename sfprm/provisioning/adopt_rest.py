"""What an org holds for its partners that files of the programme cannot say: named, never adopted.

Sharing rules of partners are read by metadata; the rest of what opens records to them is told in
one line, as most of it is told by no API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.provisioning.adopt_doubts import Doubt
from sfprm.provisioning.metadata_xml import name_of, parsed, target, value
from sfprm.salesforce.metadata import retrieve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from sfprm.clock import Clock
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

__all__ = ["SHARED_OBJECTS", "not_adopted", "sharing_doubts"]

SHARED_OBJECTS = ("Account", "Campaign", "Case", "Contact", "Lead", "Opportunity")
_PARTNERS = frozenset(
    {"allPartnerUsers", "portalRole", "portalRoleAndSubordinates", "channelProgramGroup"}
)
"""Whom a sharing rule names when it is for partners (metadata guide, SharedTo)."""
_STAYS = "it stays as it is; sfprm neither changes nor removes it"


def not_adopted(session: Session, programme: Programme, clock: Clock) -> list[Doubt]:
    """Sharing rules to and from partners, and the line that tells of the rest. Three calls."""
    rest = Doubt(
        "sharing",
        "",
        "",
        "sharing sets, account teams, territories, manual shares and external org-wide defaults "
        "are not adopted",
        "they stay as they are; `sfprm setup --dry-run` reviews what partners see",
    )
    try:
        files = retrieve(session, {"SharingRules": ["*", *SHARED_OBJECTS]}, clock=clock)
    except OrgRefused as refused:
        what = f"sharing rules could not be read: {refused.message}"
        advice = "look at Setup › Sharing Settings, or adopt as a user who may retrieve metadata"
        return [Doubt("sharing", "", "", what, advice), rest]
    groups = {group.developer_name: group.name for group in programme.groups.values()}
    return [*sharing_doubts(files, groups), rest]


def sharing_doubts(files: Mapping[str, bytes], groups: Mapping[str, str]) -> list[Doubt]:
    """Rules of retrieved files that share with partners, or what partners own. `groups`: label by
    API name of the public groups that were adopted. Pure."""
    return [doubt for path in sorted(files) for doubt in _of_file(path, files[path], groups)]


def _of_file(path: str, content: bytes, groups: Mapping[str, str]) -> Iterator[Doubt]:
    root = parsed(content)
    if root is None or name_of(root) != "SharingRules":
        return
    object_ = path.rpartition("/")[2].partition(".")[0]
    for rule in root:
        to, of = _side(rule, "sharedTo", groups), _side(rule, "sharedFrom", groups)
        if to is None and of is None:
            continue
        name = f"{object_}.{value(rule, 'fullName')}"
        said = [f"shares with {to}"] if to is not None else []
        said += [f"shares what {of} own"] if of is not None else []
        yield Doubt("sharing rule", name, "", f"{' and '.join(said)}: not adopted", _STAYS)


def _side(rule: Element, side: str, groups: Mapping[str, str]) -> str | None:
    """Which partners stand on that side of the rule; None for others."""
    kind, named = target(rule, side)
    if kind == "group" and named in groups:
        return f"the group {groups[named]}"
    if kind == "allPartnerUsers":
        return "all partner users"
    return f"partner roles ({named or kind})" if kind in _PARTNERS else None
