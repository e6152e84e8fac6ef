"""The switches of digital experiences and partner management: read, and turned on.

Metadata type Settings, member Communities; `*` does not select it. `enableNetworksEnabled` (API
47+) is digital experiences, `enableEnablePRM` (48+) partner users; the doubled word is the real
name [documented]. Neither can be switched off again.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from defusedxml import ElementTree

from sfprm.salesforce.metadata import DeployOutcome, deploy, retrieve
from sfprm.salesforce.package import METADATA, manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.clock import Clock
    from sfprm.salesforce.session import Session

__all__ = [
    "SETTINGS",
    "Communities",
    "communities_in",
    "read_communities",
    "switch_on",
    "switch_on_package",
]

_PATH = "settings/Communities.settings"
SETTINGS: Mapping[str, Sequence[str]] = MappingProxyType({"Settings": ("Communities",)})
"""What to retrieve; `*` does not select settings."""


@dataclass(frozen=True, slots=True)
class Communities:
    """What is on. `standard_profiles`: standard external profiles may be given to users."""

    experiences: bool
    partner_management: bool
    standard_profiles: bool


def read_communities(session: Session, *, clock: Clock) -> Communities:
    """By a SOAP retrieve: there is no REST way. A file that is missing means all off."""
    return communities_in(retrieve(session, SETTINGS, clock=clock))


def communities_in(files: Mapping[str, bytes]) -> Communities:
    """From retrieved files."""
    content = files.get(_PATH)
    on: dict[str, bool] = {}
    if content is not None:
        for child in ElementTree.fromstring(content):
            on[child.tag.rpartition("}")[2]] = (child.text or "").strip().lower() == "true"
    return Communities(
        experiences=on.get("enableNetworksEnabled", False),
        partner_management=on.get("enableEnablePRM", False),
        standard_profiles=on.get("enableOotbProfExtUserOpsEnable", False),
    )


def switch_on_package(api_version: str) -> dict[str, bytes]:
    """What turns both on."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<CommunitiesSettings xmlns="{METADATA}">\n'
        "    <enableEnablePRM>true</enableEnablePRM>\n"
        "    <enableNetworksEnabled>true</enableNetworksEnabled>\n"
        "</CommunitiesSettings>\n"
    )
    return {"package.xml": manifest(SETTINGS, api_version), _PATH: body.encode()}


def switch_on(session: Session, *, clock: Clock) -> DeployOutcome:
    """Turn digital experiences and partner management on, by a deployment. Irreversible."""
    return deploy(session, switch_on_package(session.api_version), clock=clock)
