"""Profile, read only: what it is called, its licence, its user permissions that are on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfprm.devorg.metadata.component import Change, Component, Context, Listed, Refused, SourceFile
from sfprm.devorg.metadata.markup import element, render
from sfprm.devorg.stamps import read_stamp

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Profiles"]

_API_NAMES = {"System Administrator": "Admin", "Standard User": "Standard"}
"""Standard profiles go by another name in metadata [R]; those not named here keep theirs."""


def _api_name(row: Mapping[str, Any]) -> str:
    return _API_NAMES.get(str(row["Name"]), str(row["Name"]))


class Profiles:
    """`profiles/<Name>.profile`."""

    names: tuple[str, ...] = ("Profile",)
    directory = "profiles"
    suffix = ".profile"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """Always refused: this org takes no profiles."""
        raise Refused("Deploying profiles is not imitated by this org; use a permission set")

    def deploy(self, context: Context, component: Component) -> Change:
        """Never reached."""
        raise Refused("Deploying profiles is not imitated by this org")

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Removing profiles is not imitated."""
        raise Refused(f"Deleting {type_} {full_name} is not imitated by this org")

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """All profiles, by their metadata names."""
        return [
            Listed(
                "Profile",
                _api_name(row),
                f"profiles/{_api_name(row)}.profile",
                str(row["Id"]),
                read_stamp(str(row["CreatedDate"])),
                read_stamp(str(row["LastModifiedDate"])),
                str(row["LastModifiedById"] or ""),
            )
            for row in sorted(org.storage.find("Profile"), key=_api_name)
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """A file each."""
        licences = {row["Id"]: row["Name"] for row in org.storage.find("UserLicense")}
        files: dict[str, bytes] = {}
        for row in org.storage.find("Profile"):
            name = _api_name(row)
            if "*" not in members and name not in members:
                continue
            granted = sorted(
                column.removeprefix("Permissions")
                for column, value in row.items()
                if column.startswith("Permissions") and value is True
            )
            files[f"profiles/{name}.profile"] = render(
                element(
                    "Profile",
                    ("custom", name not in _API_NAMES.values()),
                    ("userLicense", licences.get(row["UserLicenseId"])),
                    *(
                        element("userPermissions", ("enabled", True), ("name", permission))
                        for permission in granted
                    ),
                )
            )
        return files
