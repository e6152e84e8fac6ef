"""State and country picklists: an org's switch (setting `state_country_picklists`), off at first.

With it every address has codes beside its names; writing one sets the other, and what is on no list
is refused with FIELD_INTEGRITY_EXCEPTION [P; texts from memory, unverified]. A code in the field
for the name is taken as a code (unverified). A state needs a country; of countries whose states are
not listed here any state is taken, without a code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.schema.countries import Country, countries

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row

__all__ = ["StateCountry"]

_PREFIXES = {
    "Account": ("Billing", "Shipping"),
    "Contact": ("Mailing", "Other"),
    "Lead": ("",),
    "User": ("",),
}
_BAD_COUNTRY = (
    "There's a problem with this country, even though it may appear correct. Please select a "
    "country/territory from the list of valid countries."
)
_BAD_STATE = (
    "There's a problem with this state, even though it may appear correct. Please select a state "
    "from the list of valid states."
)
_NO_COUNTRY = "A country/territory must be specified before specifying a state value for field"


class StateCountry(Behaviour):
    """Codes and names of addresses agree, and are on the lists."""

    objects = frozenset(_PREFIXES)

    def prepare(self, batch: Batch) -> None:
        """Derive codes from names and names from codes; refuse the unknown."""
        if not batch.org.setting("state_country_picklists"):
            return
        for row in batch.living:
            for prefix in _PREFIXES[batch.definition.name]:
                _address(row, prefix)


def _address(row: Row, prefix: str) -> None:
    country_name, country_code = f"{prefix}Country", f"{prefix}CountryCode"
    state_name, state_code = f"{prefix}State", f"{prefix}StateCode"
    if not row.values.keys() & {country_name, country_code, state_name, state_code}:
        return
    country: Country | None = None
    given = _given(row, country_code, country_name)
    if given:
        country = countries().get(given.strip().upper())
        if country is None:
            field = country_code if row.values.get(country_code) else country_name
            row.refuse("FIELD_INTEGRITY_EXCEPTION", f"{_BAD_COUNTRY}: {field}", field)
            return
        row.values[country_name], row.values[country_code] = country.name, country.code
    else:
        row.values[country_name] = row.values[country_code] = None
    state = _given(row, state_code, state_name)
    if not state:
        row.values[state_name] = row.values[state_code] = None
    elif country is None:
        row.refuse("FIELD_INTEGRITY_EXCEPTION", f"{_NO_COUNTRY}: {state_name}", state_name)
    elif not country.states:
        row.values[state_name], row.values[state_code] = state, None
    else:
        known = country.state(state)
        if known is None:
            field = state_code if row.values.get(state_code) else state_name
            row.refuse("FIELD_INTEGRITY_EXCEPTION", f"{_BAD_STATE}: {field}", field)
            return
        row.values[state_code], row.values[state_name] = known


def _given(row: Row, code: str, name: str) -> str | None:
    """What the write says of a pair, the code before the name; else what there is."""
    for field in (code, name):
        if field in row.values and (row.values[field] or field == name or name not in row.values):
            value = row.values[field]
            return str(value) if value else None
    value = row.get(name)
    return str(value) if value else None
