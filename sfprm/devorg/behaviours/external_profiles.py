"""Standard external profiles may be used for users only when the org allows it:
`enableOotbProfExtUserOpsEnable` in CommunitiesSettings [D]; error text [R]. A user who has such a
profile already and is changed in other fields is left alone (unverified: the text says `create or
update`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch

__all__ = ["ExternalProfiles"]

STANDARD = frozenset(
    {
        "Partner Community User",
        "Partner Community Login User",
        "Customer Community User",
        "Customer Community Login User",
        "Customer Community Plus User",
        "Customer Community Plus Login User",
        "Gold Partner User",
        "Silver Partner User",
        "Bronze Partner User",
        "Partner User",
    }
)


class ExternalProfiles(Behaviour):
    """The switch for standard external profiles."""

    objects = frozenset({"User"})

    def before(self, batch: Batch) -> None:
        """Refuse them while the switch is off."""
        if batch.org.setting("Communities", {}).get("enableOotbProfExtUserOpsEnable"):
            return
        refused = {one["Id"] for one in batch.org.storage.find("Profile", Name=sorted(STANDARD))}
        for row in batch.living:
            if row.changes("ProfileId") and row.values["ProfileId"] in refused:
                row.refuse(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "To create or update users for this profile, go to Setup > Digital Experiences "
                    "> Settings and select Allow using standard external profiles for "
                    "self-registration, user creation, and login.",
                    "ProfileId",
                )
