"""Settings: Communities (digital experiences and PRM, both irreversible) and Sharing.

`enableNetworksEnabled` (47+) switches digital experiences on, `enableEnablePRM` (48+) partner
accounts and users; the doubled word is the real name [D]. Turning either off again fails here;
a real org fails or ignores it (unverified). PRM without digital experiences is refused (unverified:
a real org may switch both on). The names are the WSDL's [R]; what is on by default is assumed [M].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sfprm.devorg.metadata.component import (
    Change,
    Component,
    Context,
    Listed,
    Refused,
    SourceFile,
    base_name,
    refuse_unknown,
)
from sfprm.devorg.metadata.markup import element, render

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Settings", "read_settings"]

_NETWORKS, _PRM = "enableNetworksEnabled", "enableEnablePRM"
_SINCE = {_NETWORKS: "networks_since", _PRM: "prm_since"}
"""The org's setting that holds the ISO date on which the switch was turned on."""

_KNOWN: Mapping[str, Mapping[str, bool]] = {
    "Communities": {
        "applyLoginPageTypeToEmbeddedLogin": False,
        "blockEmbeddedLoginUnknownURLRedirect": False,
        "canModerateAllFeedPosts": False,
        "canModerateInternalFeedPosts": False,
        "embeddedVisualforcePages": False,
        "enableCommunityWorkspaces": True,
        "enableCspContactVisibilityPref": False,
        "enableCspNotesOnAccConPref": False,
        _PRM: False,
        "enableExternalAccHierPref": False,
        "enableGuestPermDisOptOutCruc": False,
        "enableGuestSecurityOptOutCruc": False,
        "enableGuvSecurityOptOutPref": False,
        "enableInviteChatterGuestEnabled": False,
        "enableNameFieldsUserPIIEnabled": False,
        "enableNetPortalUserReportOpts": False,
        _NETWORKS: False,
        "enableOotbProfExtUserOpsEnable": False,
        "enablePRMAccRelPref": False,
        "enablePowerCustomerCaseStatus": False,
        "enablePreventBadgeGuestAccess": False,
        "enableRelaxPartnerAccountFieldPref": False,
        "enableUnsupportedBrowserModalPref": False,
        "enableUsernameUniqForOrgPref": False,
    },
    "Sharing": {
        "deferGroupMembership": False,
        "deferSharingRules": False,
        "enableAccountRoleOptimization": False,
        "enableAssetSharing": False,
        "enableCommunityUserVisibility": False,
        "enableExternalSharingModel": True,
        "enableManagerGroups": False,
        "enableManualUserRecordSharing": False,
        "enablePartnerSuperUserAccess": False,
        "enablePortalUserCaseSharing": False,
        "enablePortalUserVisibility": False,
        "enableRemoveTMGroupMembership": False,
        "enableRestrictAccessLookupRecords": False,
        "enableSecureGuestAccess": True,
        "enableShareObjectReportTypes": False,
        "enableStandardReportVisibility": False,
        "enableTerritoryForecastManager": False,
    },
}


def read_settings(org: Org, member: str) -> dict[str, Any]:
    """All switches of `Communities` or `Sharing`, defaults filled in."""
    return {**_KNOWN[member], **org.setting(member, {})}


class Settings:
    """`settings/<Member>.settings`, root `<Member>Settings`."""

    names: tuple[str, ...] = ("Settings",)
    directory = "settings"
    suffix = ".settings"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The one member that the file is."""
        member = base_name(file.path, self.suffix)
        if member not in _KNOWN or file.root.tag != f"{member}Settings":
            raise Refused(f"Settings {member} ({file.root.tag}) are not imitated by this org")
        yield Component("Settings", member, file.path, file.root, (("Settings", member),))

    def deploy(self, context: Context, component: Component) -> Change:
        """Change the switches named; the others stay."""
        org, node, member = context.org, component.node, component.full_name
        refuse_unknown(node, _KNOWN[member], f"{member}Settings")
        before = read_settings(org, member)
        wanted: dict[str, bool] = {}
        for child in node.children:
            if child.text.lower() not in ("true", "false"):
                raise Refused(f"'{child.text}' is not a valid value for xsd:boolean", child)
            wanted[child.tag] = child.text.lower() == "true"
        after = {**before, **wanted}
        if member == "Communities":
            for switch, name in ((_NETWORKS, "Digital experiences"), (_PRM, "Partner accounts")):
                if before[switch] and not after[switch]:
                    raise Refused(f"{name} can't be disabled once enabled.", node.find(switch))
            if after[_PRM] and not after[_NETWORKS]:
                raise Refused("Enable digital experiences before partner accounts", node.find(_PRM))
            for switch, date in _SINCE.items():
                if after[switch] and not before[switch]:
                    org.set_setting(date, context.at.date().isoformat())
        if after == before:
            return Change(created=False, changed=False)
        org.set_setting(member, after)
        if org.prm_on and not org.storage.find("Group", Type="PRMOrganization"):
            _partner_group(context)
        return Change(created=False, changed=True)

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Settings are never deleted."""
        raise Refused(f"Settings {full_name} cannot be deleted")

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """The members that are imitated; their dates are not kept."""
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return [
            Listed("Settings", member, f"settings/{member}.settings", "", epoch, epoch, "")
            for member in sorted(_KNOWN)
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """The members named; `*` does not select settings [D]."""
        return {
            f"settings/{member}.settings": render(
                element(f"{member}Settings", *sorted(read_settings(org, member).items()))
            )
            for member in members
            if member in _KNOWN
        }


def _partner_group(context: Context) -> None:
    """The system's group of all partner users, which exists with PRM [D]."""
    row = {
        "Name": "All Partner Users",
        "Type": "PRMOrganization",
        "DoesIncludeBosses": False,
        **context.birth(),
    }
    context.org.plant("Group", [row])
