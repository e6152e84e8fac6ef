"""DuplicateRule: the duplicate rules that the control API has set, given as metadata.

`duplicateRules/<Object>.<Name>.duplicateRule`, with actionOnInsert Allow or Block and, where it
alerts, operationsOnInsert Alert [D, R]; matching rules are left out. They are made by the control
API (`duplicate-rules`); deploying one is not imitated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.duplicates import DuplicateRule, duplicate_rules
from sfprm.devorg.metadata.component import (
    Change,
    Component,
    Context,
    Listed,
    Refused,
    SourceFile,
    base_name,
)
from sfprm.devorg.metadata.markup import element, render

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["DuplicateRules"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DuplicateRules:
    """`duplicateRules/<Object>.<Name>.duplicateRule`."""

    names: tuple[str, ...] = ("DuplicateRule",)
    directory = "duplicateRules"
    suffix = ".duplicateRule"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The one rule that the file is."""
        name = base_name(file.path, self.suffix)
        yield Component("DuplicateRule", name, file.path, file.root, (("DuplicateRule", name),))

    def deploy(self, context: Context, component: Component) -> Change:
        """Not imitated."""
        raise Refused("Deploying a DuplicateRule is not imitated by this org", component.node)

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Not imitated."""
        raise Refused(f"Deleting {type_} {full_name} is not imitated by this org")

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """All rules, by name."""
        return [
            Listed(type_, name, f"{self.directory}/{name}{self.suffix}", "", _EPOCH, _EPOCH, "")
            for name in sorted(_named(org))
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """A file each."""
        files: dict[str, bytes] = {}
        for name, rule in _named(org).items():
            if "*" not in members and name not in members:
                continue
            action = "Block" if rule.action == "block" else "Allow"
            alert = [] if action == "Block" else ["Alert"]
            files[f"{self.directory}/{name}{self.suffix}"] = render(
                element(
                    "DuplicateRule",
                    ("actionOnInsert", action),
                    ("actionOnUpdate", action),
                    ("alertText", rule.message),
                    ("isActive", True),
                    ("masterLabel", rule.name.replace("_", " ")),
                    *(("operationsOnInsert", one) for one in alert),
                    *(("operationsOnUpdate", one) for one in alert),
                    ("securityOption", "BypassSharingRules"),
                )
            )
        return files


def _named(org: Org) -> dict[str, DuplicateRule]:
    return {f"{rule.object}.{rule.name}": rule for rule in duplicate_rules(org)}
