"""Filter items as the Metadata API writes them (field, operation, value; joined by filter logic):
values → operators → one `Filter`, read once and asked for many records.

Assignment rules are made of them; settable validation rules, triggers and flows use them too."""

from __future__ import annotations

from sfprm.devorg.criteria.filters import Filter, Item, read_filter
from sfprm.devorg.criteria.surroundings import Surroundings
from sfprm.devorg.criteria.values import BadFilter

__all__ = ["BadFilter", "Filter", "Item", "Surroundings", "read_filter"]
