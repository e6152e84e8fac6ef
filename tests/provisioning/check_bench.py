"""A clean org and the sample programme, on which faults are planted for `check` to find."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sfprm.clock import FakeClock
from sfprm.events import NoProgress
from sfprm.ids import PartnerKey, PersonKey
from sfprm.outbound.mail_guard import MailPolicy
from sfprm.programme.model import (
    ChannelManager,
    Origin,
    Programme,
)
from sfprm.provisioning.check import CheckResult, check
from sfprm.provisioning.checks.facts import Thresholds
from sfprm.salesforce import collections
from sfprm.salesforce.metadata import deploy
from sfprm.salesforce.package import METADATA, manifest
from sfprm.salesforce.permissions import Need, needs_in
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session
from sfprm.store.writer import Store

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
OPEN = MailPolicy(True, "sink@example.com", "the embedded org keeps all mail in its outbox")
MOST_CALLS = 45
"""Of one check of the sample programme; said in docs/check.md."""
SET = (ROOT / "config/metadata/permissionsets/sfprm_run.permissionset").read_text("utf-8")
HERE = Origin("partners.csv", 2)
AGENT = "sfprm.agent@alder.example.com"
PARTNER_PROFILE = "Alder Partner User"


_TAGS = {
    "object": "CustomObject",
    "profile": "Profile",
    "permissionset": "PermissionSet",
    "assignmentRules": "AssignmentRules",
}


@dataclass
class Bench:
    """The clean org, logged in to, and the programme as a test wants it."""

    org: Any
    session: Session
    store: Store
    programme: Programme
    thresholds: Thresholds = field(default_factory=Thresholds)
    needs: tuple[Need, ...] = ()

    def check(self) -> CheckResult:
        """What `sfprm check` finds."""
        return check(
            self.session,
            self.store,
            self.programme,
            clock=FakeClock(NOW),
            progress=NoProgress(),
            policy=OPEN,
            needs=self.needs,
            thresholds=self.thresholds,
        )

    def id(self, object_: str, **where: str) -> str:
        """The id of the one record."""
        wanted = " AND ".join(f"{name} = '{value}'" for name, value in where.items())
        return str(select_all(self.session, f"SELECT Id FROM {object_} WHERE {wanted}")[0]["Id"])

    def make(self, object_: str, **values: Any) -> str:
        """A record, by API."""
        [made] = collections.create(self.session, object_, [values])
        assert made.success, made.error
        return str(made.id)

    def edit(self, object_: str, id_: str, **values: Any) -> None:
        """A change by a person."""
        self.org.event("person-edits", object=object_, id=id_, fields=values, by=AGENT)

    def behave(self, **what: Any) -> None:
        """What a lived-in org may have."""
        self.org.control("POST", "behaviours", what)

    def set(self, **settings: Any) -> None:
        """Settings of the org."""
        self.org.control("POST", "settings", settings)

    def deploy(self, type_: str, member: str, path: str, body: str) -> None:
        """One component."""
        tag = path.rpartition("/")[2].rpartition(".")[2]
        tag = _TAGS[tag]
        text = f'<{tag} xmlns="{METADATA}">{body}</{tag}>'
        files = {
            "package.xml": manifest({type_: [member]}, self.session.api_version),
            path: text.encode(),
        }
        outcome = deploy(self.session, files, clock=FakeClock(NOW))
        assert outcome.success, outcome.failures
        self.session.described.clear()

    def partner(self, key: str = "lusitec", **fields: Any) -> None:
        """Changes a declared partner, or declares one more."""
        partners = dict(self.programme.partners)
        old = partners.get(PartnerKey(key)) or replace(
            partners[PartnerKey("lusitec")], key=PartnerKey(key), name=key.title()
        )
        partners[PartnerKey(key)] = replace(old, **fields)
        self.programme = replace(self.programme, partners=partners)

    def person(self, key: str = "new.one", **fields: Any) -> None:
        """Declares one more person of lusitec, or changes one."""
        people = dict(self.programme.people)
        old = people.get(PersonKey(key)) or replace(
            people[PersonKey("sofia.rocha")],
            key=PersonKey(key),
            email=f"{key}@lusitec.example.com",
            username=f"{key}@partners.example.com",
            nickname=key,
        )
        people[PersonKey(key)] = replace(old, **fields)
        self.programme = replace(self.programme, people=people)

    def manager(self, username: str) -> None:
        """Declares another user as the channel manager marta."""
        managers = {
            **self.programme.channel_managers,
            "marta": ChannelManager("marta", username, HERE),
        }
        self.programme = replace(self.programme, channel_managers=managers)

    def routing(self, **fields: Any) -> None:
        """Changes the routing."""
        self.programme = replace(self.programme, routing=replace(self.programme.routing, **fields))

    def grant_nothing(self) -> None:
        """The agent becomes a plain user without any permission set; it stays an API user."""
        self.needs = needs_in(SET, "sfprm_run")
        for row in select_all(
            self.session, "SELECT Id, Assignee.Username FROM PermissionSetAssignment"
        ):
            if row["Assignee"]["Username"] == AGENT:
                collections.delete(self.session, [row["Id"]])
        self.edit(
            "User",
            self.id("User", Username=AGENT),
            ProfileId=self.id("Profile", Name="Standard User"),
        )
        self.session.described.clear()
