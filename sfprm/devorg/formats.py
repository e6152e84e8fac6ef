"""FORMAT(): numbers, currencies, dates and instants as the user's locale writes them.

That FORMAT gives localised text is documented; how each locale writes it is from memory,
unverified. A locale that is not in the table is written as its language is elsewhere, or as en_US.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

__all__ = ["FORMATTED", "Place", "currency_of", "formatted"]

FORMATTED = frozenset({"int", "long", "double", "currency", "percent", "date", "datetime", "time"})
"""The types that FORMAT changes; of all others it gives the value as it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a user is: an IANA zone, a locale (`en_US`), the org's currency (ISO code)."""

    zone: str
    locale: str = "en_US"
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class _Style:
    thousands: str
    point: str
    day: str
    clock: str
    currency_behind: bool = True


_NARROW, _WIDE = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
_STYLES = {
    "en_US": _Style(",", ".", "{m}/{d}/{y}", "{h12}:{min} {half}", currency_behind=False),
    "en_GB": _Style(",", ".", "{d:02}/{m:02}/{y}", "{h:02}:{min}", currency_behind=False),
    "de_DE": _Style(".", ",", "{d:02}.{m:02}.{y}", "{h:02}:{min}"),
    "fr_FR": _Style(_NARROW, ",", "{d:02}/{m:02}/{y}", "{h:02}:{min}"),
    "es_ES": _Style(".", ",", "{d}/{m}/{y}", "{h}:{min}"),
    "it_IT": _Style(".", ",", "{d:02}/{m:02}/{y}", "{h:02}:{min}"),
    "pt_PT": _Style(_WIDE, ",", "{d:02}/{m:02}/{y}", "{h:02}:{min}"),
}
_BY_LANGUAGE = {one[:2]: one for one in _STYLES if one != "en_US"}
_EURO = frozenset(["AT", "BE", "DE", "ES", "FI", "FR", "GR", "IE", "IT", "LU", "NL", "PT"])
_CURRENCIES = {"GB": "GBP", "CH": "CHF", "SE": "SEK", "NO": "NOK", "DK": "DKK", "PL": "PLN"}
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def formatted(kind: str, scale: int, value: str | float | None, place: Place) -> str | None:
    """A stored value of this type as the user reads it. `scale`: digits behind the point."""
    if value is None:
        return None
    style = _style(place.locale)
    if isinstance(value, (int, float)):
        number = _number(value, 2 if kind == "currency" else scale, style)
        if kind == "percent":
            return number + "%"
        return _money(number, place.currency, style) if kind == "currency" else number
    if kind == "date":
        return _day(date.fromisoformat(value), style)
    if kind == "datetime":
        moment = datetime.fromisoformat(value[:19]).replace(tzinfo=UTC)
        local = moment.astimezone(ZoneInfo(place.zone))
        return f"{_day(local.date(), style)}, {_clock(local.hour, local.minute, style)}"
    if kind == "time":
        return _clock(int(value[:2]), int(value[3:5]), style)
    return value


def currency_of(locale: str) -> str:
    """The currency (ISO code) of an org with this default locale; USD where it is not known."""
    country = "".join(locale.split("_")[1:2])
    return "EUR" if country in _EURO else _CURRENCIES.get(country, "USD")


def _style(locale: str) -> _Style:
    near = _BY_LANGUAGE.get(locale[:2], "en_US")
    return _STYLES.get("_".join(locale.split("_")[:2]), _STYLES[near])


def _number(value: float, scale: int, style: _Style) -> str:
    text = f"{value:,.{scale}f}"
    whole, _, behind = text.partition(".")
    whole = whole.replace(",", style.thousands)
    return f"{whole}{style.point}{behind}" if behind else whole


def _money(number: str, currency: str, style: _Style) -> str:
    sign = _SIGNS.get(currency, currency)
    if style.currency_behind:
        return f"{number}{_WIDE}{sign}"
    minus, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    return f"{minus}{sign}{'' if currency in _SIGNS else _WIDE}{digits}"


def _day(day: date, style: _Style) -> str:
    return style.day.format(d=day.day, m=day.month, y=day.year)


def _clock(hour: int, minute: int, style: _Style) -> str:
    half = "AM" if hour < 12 else "PM"
    return style.clock.format(h=hour, h12=hour % 12 or 12, min=f"{minute:02}", half=half)
