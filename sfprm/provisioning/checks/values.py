"""The files' values against describe: fields that are there and may be written, values that fit,
and what the org requires that no file fills (operations.md, rule 17)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfprm.programme.model import FieldValue
    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem
    from sfprm.salesforce.describe import FieldDescribe, ObjectDescribe

__all__ = ["CHECK"]

_STEP = "apply: write accounts, contacts, users"
UNFILLED = Code(
    "required-field-unfilled",
    CheckState.PROBLEM,
    "the org requires a field without default that the files do not fill",
    "add the field as a column (Account.Field__c in partners.csv, Contact.… or User.… in "
    "people.csv), or give it a default in Setup",
    "apply: make accounts, contacts, users",
    "operations.md, rule 17 (REQUIRED_FIELD_MISSING)",
)
UNKNOWN = Code(
    "field-unknown",
    CheckState.PROBLEM,
    "the files name a field that the org has not, or that the agent may not see",
    "correct the column's name, or grant the field to the agent's user",
    _STEP,
    "operations.md, rule 1",
)
READ_ONLY = Code(
    "field-read-only",
    CheckState.PROBLEM,
    "the files name a field that the agent may not write",
    "grant Edit on the field to the agent's user, or take the column out",
    _STEP,
    "INVALID_FIELD_FOR_INSERT_UPDATE",
)
NOT_LISTED = Code(
    "value-not-in-picklist",
    CheckState.PROBLEM,
    "a value is not on the org's list",
    "use one of the field's API values, or add the value in Setup",
    _STEP,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
)
PLACE = Code(
    "place-unknown",
    CheckState.PROBLEM,
    "state and country picklists are on, and a country or state is not on their lists",
    "write the country or state as Setup › State and Country/Territory Picklists has it",
    _STEP,
    "operations.md, rule 17",
)
CURRENCY = Code(
    "currency-unknown",
    CheckState.PROBLEM,
    "a currency is not active in this org",
    "activate it in Setup › Manage Currencies, or correct the column",
    _STEP,
    "operations.md, rule 17",
)
TOO_LONG = Code(
    "value-too-long",
    CheckState.PROBLEM,
    "a text is longer than its field",
    "shorten it in the files",
    _STEP,
    "STRING_TOO_LONG",
)
TYPE_MISSING = Code(
    "record-type-missing",
    CheckState.PROBLEM,
    "the files name a record type that the org has not",
    "correct record_type (the developer name), or create the record type",
    _STEP,
    "operations.md, rule 17",
)
TYPE_INACTIVE = Code(
    "record-type-inactive",
    CheckState.PROBLEM,
    "the files name a record type that is not active",
    "activate it in Setup, or name another one",
    _STEP,
    "operations.md, rule 17",
)
CODES = (
    UNFILLED,
    UNKNOWN,
    READ_ONLY,
    NOT_LISTED,
    PLACE,
    CURRENCY,
    TOO_LONG,
    TYPE_MISSING,
    TYPE_INACTIVE,
)

_FILLED = {
    "account": frozenset({"name", "ownerid"}),
    "contact": frozenset({"lastname", "firstname", "email", "accountid", "ownerid"}),
    "user": frozenset(
        {
            *("username", "lastname", "firstname", "email", "alias", "communitynickname"),
            *("timezonesidkey", "localesidkey", "emailencodingkey", "languagelocalekey"),
            *("profileid", "contactid", "portalrole", "isactive", "federationidentifier"),
        }
    ),
}
"""What sfprm writes of itself, lower case."""
_NEVER_NEEDED = frozenset({"boolean"})
_LISTED = frozenset({"picklist", "multipicklist"})
_CODES_FOR = {"country": "countrycode", "state": "statecode"}


@dataclass(frozen=True, slots=True)
class _Record:
    """One declared record: who it is, its values by field name, its record type."""

    subject: str
    values: Mapping[str, FieldValue]
    record_type: str | None = None


def look(facts: Facts) -> Iterator[CheckItem]:
    """Accounts, contacts and users in turn."""
    found = 0
    for object_, records in _declared(facts).items():
        told = facts.surroundings.describes.get(object_.lower())
        if told is None or not records:
            continue
        for item in (
            *_unfilled(told, records),
            *_columns(told, records),
            *_values(told, records),
            *_record_types(facts, told, records),
        ):
            found += 1
            yield item
    if not found and facts.surroundings.describes:
        yield ok("fields and values", "all fit the org's fields")


def _declared(facts: Facts) -> dict[str, list[_Record]]:
    partners, people = facts.programme.partners.values(), facts.programme.people.values()
    return {
        "Account": [
            _Record(f"partner {p.key}", _with(p.fields, "Name", p.name, p.currency), p.record_type)
            for p in partners
        ],
        "Contact": [
            _Record(
                f"contact of {p.key}",
                {**_with(p.contact_fields, "LastName", p.last_name, p.currency)},
                p.record_type,
            )
            for p in people
        ],
        "User": [
            _Record(
                f"user of {p.key}",
                {
                    **p.user_fields,
                    "TimeZoneSidKey": p.time_zone,
                    "LocaleSidKey": p.locale,
                    "LanguageLocaleKey": p.language,
                    "EmailEncodingKey": p.email_encoding,
                    "LastName": p.last_name,
                    "FirstName": p.first_name,
                },
            )
            for p in people
        ],
    }


def _with(
    fields: Mapping[str, FieldValue], name: str, value: str, currency: str | None
) -> dict[str, FieldValue]:
    more: dict[str, FieldValue] = {"CurrencyIsoCode": currency} if currency else {}
    return {**fields, name: value, **more}


def _unfilled(told: ObjectDescribe, records: list[_Record]) -> Iterator[CheckItem]:
    for field in told.fields.values():
        needed = field.createable and not field.nillable and not field.defaulted_on_create
        low = field.name.lower()
        if not needed or field.type in _NEVER_NEEDED or low in _FILLED[told.name.lower()]:
            continue
        lacking = [r.subject for r in records if _value(r, low) in (None, "")]
        if lacking:
            words = f"{len(lacking)} of {len(records)} have no value: {some(lacking)}"
            yield UNFILLED(f"{told.name}.{field.name}", words, lacking)


def _value(record: _Record, low: str) -> FieldValue:
    return next((v for name, v in record.values.items() if name.lower() == low), None)


def _columns(told: ObjectDescribe, records: list[_Record]) -> Iterator[CheckItem]:
    names = {name.lower(): name for record in records for name in record.values}
    for low, name in sorted(names.items()):
        field = told.field(name)
        if field is None:
            if low != "currencyisocode":
                yield UNKNOWN(f"{told.name}.{name}", "not there, or not visible", [name])
            continue
        if not field.updateable and not field.createable:
            yield READ_ONLY(f"{told.name}.{field.name}", "it may not be written", [field.name])


def _values(told: ObjectDescribe, records: list[_Record]) -> Iterator[CheckItem]:
    bad: dict[tuple[Code, str, str], list[str]] = defaultdict(list)
    judged: dict[tuple[str, str], Code | None] = {}  # many records have the same values
    for record in records:
        for name, value in record.values.items():
            field = told.field(name)
            if name.lower() == "currencyisocode" and field is None:
                bad[CURRENCY, name, f"{value}: this org has one currency only"].append(
                    record.subject
                )
            if field is None or not isinstance(value, str) or not value:
                continue
            if (name, value) not in judged:
                judged[name, value] = _fault(told, field, value)
            fault = judged[name, value]
            if fault is not None:
                bad[fault, field.name, _shown(value)].append(record.subject)
    for (code, name, value), subjects in bad.items():
        yield code(f"{told.name}.{name}", f"{value} of {some(subjects)}", subjects)


def _fault(told: ObjectDescribe, field: FieldDescribe, value: str) -> Code | None:
    low = field.name.lower()
    if low == "currencyisocode":
        return None if value.upper() in field.picklist else CURRENCY
    for end, code_end in _CODES_FOR.items():
        codes = told.field(low.removesuffix(end) + code_end) if low.endswith(end) else None
        if codes is not None:
            known = {c.lower() for c in (*codes.picklist, *codes.labels)}
            return None if value.strip().lower() in known else PLACE
    if low.endswith(tuple(_CODES_FOR.values())) and field.picklist:
        return None if value in field.picklist else PLACE
    if field.type in _LISTED and field.restricted and field.picklist:
        parts = value.split(";") if field.type == "multipicklist" else [value]
        known = {v.lower() for v in field.picklist}
        if any(part.strip().lower() not in known for part in parts if part.strip()):
            return NOT_LISTED
    if field.length and len(value) > field.length and field.type not in _LISTED:
        return TOO_LONG
    return None


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else f"{value[:40]}… ({len(value)} letters)")


def _record_types(
    facts: Facts, told: ObjectDescribe, records: list[_Record]
) -> Iterator[CheckItem]:
    wanted: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.record_type:
            wanted[record.record_type].append(record.subject)
    there = {
        t.developer_name.lower(): t
        for t in facts.surroundings.record_types
        if t.object == told.name
    }
    for name, subjects in wanted.items():
        type_ = there.get(name.lower())
        if type_ is None:
            words = f"not there, wanted by {some(subjects)}"
            yield TYPE_MISSING(f"{told.name} record type {name}", words, subjects)
        elif not type_.active:
            words = f"inactive, wanted by {some(subjects)}"
            yield TYPE_INACTIVE(f"{told.name} record type {name}", words, subjects)


CHECK = Check("fields and values", CODES, look)
