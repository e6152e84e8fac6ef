"""The columns of the CSV files of partners and people."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PARTNERS", "PEOPLE", "CsvColumns"]


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """The columns of one kind of CSV file.

    `objects` are Salesforce objects whose fields may be columns (`Account.Phone`); with
    `attributes`, columns like `partner.segment` are free for use in conditions.
    """

    described: dict[str, str]
    required: tuple[str, ...]
    objects: tuple[str, ...]
    attributes: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """Names of the fixed columns, in order."""
        return tuple(self.described)

    def extra(self, column: str) -> bool:
        """Whether the column is a field or an attribute in form."""
        head, dot, name = column.partition(".")
        if not dot or not name:
            return False
        return head in self.objects or (self.attributes and head == "partner")


PARTNERS = CsvColumns(
    described={
        "key": "The partner's name in these files: lower-case letters, digits and -.",
        "name": "Name of the Account.",
        "manager": "Key of a channel manager, who owns the account.",
        "tier": "One of `tiers`.",
        "territories": "List, such as PT; ES. In conditions: partner.territories.",
        "certified_for": "List. In conditions: partner.certified_for.",
        "match": "Names an account that exists already, such as AccountNumber=P-1001.",
        "owner": "managed, set-once (default where match is given) or unmanaged.",
        "state": "active, frozen or absent.",
        "people": "managed, or delegated: the partner's own administrators add people.",
        "keep_team": "true: a change of owner keeps the account team and its shares.",
        "record_type": "The Account's record type, by developer name.",
        "currency": "Such as EUR, in orgs with several.",
        "template": "One of `templates.partner`.",
    },
    required=("key", "name", "manager"),
    objects=("Account",),
    attributes=True,
)

PEOPLE = CsvColumns(
    described={
        "key": "The person's name in these files: lower-case letters, digits, . and -.",
        "partner": "Key of the partner.",
        "first_name": "First name.",
        "last_name": "Last name.",
        "email": "E-mail address; Salesforce writes to it.",
        "role": "Executive, Manager or Worker (User is the same as Worker).",
        "state": "active, frozen or absent.",
        "username": "Instead of the pattern in `defaults`.",
        "nickname": "At most 40 characters, unique; default: made from the key.",
        "alias": "At most 8 characters; default: made from the name.",
        "profile": "Instead of the programme's.",
        "time_zone": "Instead of the default.",
        "locale": "Instead of the default.",
        "language": "Instead of the default.",
        "email_encoding": "Instead of the default.",
        "permission_sets": "List of API names, besides those of `defaults.person`.",
        "queues": "List of declared queues, by label.",
        "groups": "List of declared public groups, by label.",
        "federation_id": "Name in the single sign-on; no password mail is ever sent.",
        "delegated_admin": "true: administers the partner's people.",
        "match": "Names a contact that exists already, such as External_Id__c=4711.",
        "record_type": "The Contact's record type, by developer name.",
        "currency": "Such as EUR; default: the partner's.",
        "template": "One of `templates.person`.",
    },
    required=("key", "partner", "last_name", "email"),
    objects=("Contact", "User"),
)
