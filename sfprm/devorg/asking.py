"""What a query by one caller depends on: permissions, clock, zone, locale, fiscal year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.formats import currency_of

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.permissions import Access
    from sfprm.devorg.soql.options import QueryOptions

__all__ = ["query_options", "week_starts"]

# fmt: off
_SUNDAY = frozenset({
    "BR", "CA", "CO", "HK", "IL", "IN", "JP", "KR", "MX", "PE", "PH", "SG", "TH", "TW", "US", "VE",
    "ZA",
})
# fmt: on
"""Countries whose weeks begin on a Sunday (from memory, unverified); all others: Monday."""


def query_options(
    org: Org, access: Access, version: str, *, include_deleted: bool = False
) -> QueryOptions:
    """The options of `run_query` for this caller."""
    company = org.organization
    locale = str(access.user.get("LocaleSidKey") or company.get("DefaultLocaleSidKey") or "en_US")
    return {
        "visible": lambda object_, field: org.visible(access, object_, field),
        "object_visible": lambda object_: org.object_visible(access, object_),
        "exists": lambda object_, field: (
            org.has_object(object_) if field is None else org.has_field(field)
        ),
        "row_filter": lambda object_: org.sharing.filter(access, object_),
        "now": org.clock.now(),
        "user_zone": str(access.user.get("TimeZoneSidKey") or "GMT"),
        "include_deleted": include_deleted,
        "version": version,
        "user_id": access.user_id,
        "week_starts": week_starts(locale),
        "fiscal_month": int(company.get("FiscalYearStartMonth") or 1),
        "fiscal_named_by_start": bool(company.get("UsesStartDateAsFiscalYearName")),
        "locale": locale,
        "currency": currency_of(str(company.get("DefaultLocaleSidKey") or "en_US")),
    }


def week_starts(locale: str) -> int:
    """The first weekday of a locale (`en_US`): 0 Monday, 6 Sunday."""
    parts = locale.split("_")
    return 6 if len(parts) > 1 and parts[1] in _SUNDAY else 0
