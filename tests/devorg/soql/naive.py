"""SOQL said a second time: random conditions, orders and groups, each with its plain meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import product
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sfprm.devorg.schema import FieldDef
from sfprm.devorg.storage import Storage
from sfprm.devorg.values import datetime_text

Row = dict[str, Any]
Test = Callable[[Row], bool]
Condition = tuple[str, Test]

WORDS = ["ab", "AB", "b", "straße", "Éa", "éA", "a_b", "a%b", "o'q", "back\\slash", "Ω", "zz"]
SOURCES = ["Web", "Trade Show", "Phone Inquiry"]
KINDS = ["Pumps", "Valves", "Sensors"]
SETS = [
    ";".join(k for k, on in zip(KINDS, m, strict=True) if on) for m in product([0, 1], repeat=3)
]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]
CUSTOM = [
    FieldDef("Kinds__c", "multipicklist", length=4099, picklist=tuple(KINDS)),
    FieldDef("Score__c", "double", precision=18, scale=2),
    FieldDef("Source__c", "picklist", length=255, picklist=tuple(SOURCES), groupable=True),
    FieldDef("Flag__c", "boolean", groupable=True),
    FieldDef("Word__c", "string", length=80, groupable=True),
]


def fold(text: str) -> str:
    """Upper case, but for letters that would become two."""
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


def quote(text: str) -> str:
    """A SOQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def key(value: Any) -> Any:
    """What is compared."""
    return fold(value) if isinstance(value, str) else value


def read(path: str) -> Callable[[Row], Any]:
    """The value at a path; null behind a missing parent."""

    def value(row: Row) -> Any:
        found: Any = row
        for part in path.split("."):
            found = found[part] if found is not None else None
        return found

    return value


class Maker:
    """One data set, and random queries on it with what they must answer."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.zone = self.chance.choice(ZONES)
        self.now = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=self.chance.randrange(30_000))
        self.today = self.now.astimezone(ZoneInfo(self.zone)).date()
        self.week_starts = self.chance.choice([0, 6])
        self.fiscal_month = self.chance.choice([1, 2, 4, 10])
        self.accounts: list[Row] = []
        self.contacts: list[Row] = []

    def fill(self, storage: Storage) -> None:
        """New records in place of the last data set's."""
        for name in ("Contact", "Account"):
            storage.execute(f'DELETE FROM "{name}"')
        self.accounts = [{"Name": f"A{n}", **self.values()} for n in range(8)]
        for row, id_ in zip(self.accounts, storage.insert("Account", self.accounts), strict=True):
            row["Id"] = id_
        for place in range(self.chance.randrange(1, 45)):
            parent = self.chance.choice([None, *self.accounts])
            self.contacts.append(
                {
                    "LastName": f"C{place:02}",
                    "AccountId": parent and parent["Id"],
                    "Birthdate": self.maybe(self.day().isoformat()),
                    "CreatedDate": self.moment(),
                    **self.values(),
                }
            )
        for row, id_ in zip(self.contacts, storage.insert("Contact", self.contacts), strict=True):
            row["Id"] = id_
            row["Account"] = next((a for a in self.accounts if a["Id"] == row["AccountId"]), None)

    def values(self) -> Row:
        """The fields that both objects have."""
        return {
            "Word__c": self.maybe(self.chance.choice(WORDS)),
            "Source__c": self.maybe(self.chance.choice(SOURCES)),
            "Kinds__c": self.chance.choice(SETS) or None,
            "Score__c": self.maybe(self.chance.choice([-1.5, 0.0, 2.0, 1e9])),
            "Flag__c": self.chance.random() < 0.4,
        }

    def maybe(self, value: Any) -> Any:
        """Null, one time in five."""
        return None if self.chance.random() < 0.2 else value

    def day(self) -> date:
        """A day, mostly not far from today."""
        return self.today + timedelta(
            days=int(self.chance.gauss(0, self.chance.choice([3, 60, 500])))
        )

    def moment(self) -> str:
        """An instant on such a day."""
        day = datetime.combine(self.day(), datetime.min.time(), UTC)
        return datetime_text(day + timedelta(seconds=self.chance.randrange(86_400)))

    # Conditions

    def condition(self, path: str = "", depth: int = 2) -> Condition:
        """A condition on a contact, or on an account where `path` is None-like."""
        if depth and self.chance.random() < 0.35:
            if self.chance.random() < 0.3:
                text, test = self.condition(path, depth - 1)
                return f"(NOT ({text}))", lambda row: not test(row)
            word = self.chance.choice(["AND", "OR"])
            parts = [self.condition(path, depth - 1) for _ in range(self.chance.choice([2, 2, 3]))]
            whole = all if word == "AND" else any
            text = "(" + f" {word} ".join(one for one, _ in parts) + ")"
            return text, lambda row: whole(test(row) for _, test in parts)
        makers = [self.word, self.word, self.like, self.source, self.score, self.flag, self.kinds]
        return self.chance.choice(makers)(path)

    def contact_condition(self) -> Condition:
        """A condition on a contact, or on its account."""
        made = self.chance.random()
        if made < 0.25:
            return self.dated()
        return self.condition(self.chance.choice(["", "", "Account."]))

    def compared(
        self, path: str, literals: Sequence[tuple[str, Any]], ops: Sequence[str]
    ) -> Condition:
        """A comparison of a field with one or several of these literals."""
        value = read(path)
        op = self.chance.choice(ops)
        if op in ("IN", "NOT IN"):
            some = [self.chance.choice(literals) for _ in range(self.chance.choice([1, 2, 3]))]
            among = {key(one) for _, one in some}
            text = f"{path} {op} ({', '.join(shown for shown, _ in some)})"
            return text, lambda row: (key(value(row)) in among) == (op == "IN")
        shown, wanted = self.chance.choice(literals)
        if op in ("=", "!=", "<>"):
            return (
                f"{path} {op} {shown}",
                lambda row: (key(value(row)) == key(wanted)) == (op == "="),
            )
        shown, wanted = next(one for one in literals if one[1] is not None)

        def test(row: Row) -> bool:
            left, right = key(value(row)), key(wanted)
            if left is None:
                return False
            found = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
            return bool(found[op])

        return f"{path} {op} {shown}", test

    ALL_OPS = ("=", "!=", "<>", "IN", "NOT IN", "<", "<=", ">", ">=")

    def word(self, path: str) -> Condition:
        """Text: in any case; the empty text is null."""
        literals = [(quote(one), one) for one in self.chance.sample(WORDS, 4)]
        return self.compared(
            f"{path}Word__c", [*literals, ("null", None), ("''", None)], self.ALL_OPS
        )

    def source(self, path: str) -> Condition:
        """A picklist compares as text; unknown values match nothing."""
        literals = [(quote(one), one) for one in [*SOURCES, "Nowhere"]]
        ops = ("=", "!=", "IN", "NOT IN")
        return self.compared(f"{path}Source__c", [*literals, ("NULL", None)], ops)

    def score(self, path: str) -> Condition:
        """Numbers."""
        literals = [("-1.5", -1.5), ("+0", 0.0), ("2", 2.0), (".5", 0.5), ("1000000000", 1e9)]
        self.chance.shuffle(literals)
        return self.compared(f"{path}Score__c", [*literals, ("null", None)], self.ALL_OPS)

    def flag(self, path: str) -> Condition:
        """A checkbox: null is false, also that of a missing parent."""
        value = read(f"{path}Flag__c")
        op, wanted = self.chance.choice(["=", "!="]), self.chance.choice(["TRUE", "false", "null"])
        return (
            f"{path}Flag__c {op} {wanted}",
            lambda row: (bool(value(row)) == (wanted == "TRUE")) == (op == "="),
        )

    def like(self, path: str) -> Condition:
        """LIKE, and nulls never."""
        pieces = [("%", ".*"), ("_", "."), ("\\%", "%"), ("\\_", "_"), ("a", "A"), ("é", "É"),
                  ("\\\\", r"\\"), ("B", "B"), ("ß", "ß"), ("\\'", "'")]  # fmt: skip
        some = [self.chance.choice(pieces) for _ in range(self.chance.randrange(1, 5))]
        regex = re.compile("".join(one for _, one in some), re.DOTALL)
        value = read(f"{path}Word__c")

        def test(row: Row) -> bool:
            text = value(row)
            return text is not None and regex.fullmatch(fold(text)) is not None

        return f"{path}Word__c LIKE '{''.join(one for one, _ in some)}'", test

    def kinds(self, path: str) -> Condition:
        """A multi-select picklist: whole sets, or what they include."""
        value = read(f"{path}Kinds__c")
        op = self.chance.choice(["=", "!=", "INCLUDES", "EXCLUDES"])

        def held(row: Row) -> set[str]:
            return set((value(row) or "").split(";")) - {""}

        if op in ("=", "!="):
            chosen = self.chance.sample(KINDS, self.chance.randrange(1, 4))
            text = f"{path}Kinds__c {op} {quote(';'.join(chosen))}"
            return text, lambda row: (held(row) == set(chosen)) == (op == "=")
        groups = [self.chance.sample(KINDS, self.chance.randrange(1, 3)) for _ in range(2)]
        shown = ", ".join(quote(";".join(one).upper()) for one in groups)
        return (
            f"{path}Kinds__c {op} ({shown})",
            lambda row: any(set(one) <= held(row) for one in groups) == (op == "INCLUDES"),
        )

    # Dates

    def dated(self) -> Condition:
        """A date or an instant against a literal, a word for a range, or a part of it."""
        kind = self.chance.randrange(5)
        ops = self.ALL_OPS
        if kind == 0:
            days = [self.day().isoformat() for _ in range(3)]
            return self.compared("Birthdate", [*((one, one) for one in days), ("null", None)], ops)
        if kind == 1:
            moments = [self.moment() for _ in range(3)]
            shown = [(f"{one[:19]}Z", one) for one in moments]
            return self.compared("CreatedDate", shown, ops)
        if kind == 2:
            return self.part()
        name = self.chance.choice(["Birthdate", "CreatedDate"])
        return self.ranged(name, *self.range())

    def local(self, name: str) -> Callable[[Row], date | None]:
        """The day of a field where the user is."""

        def day(row: Row) -> date | None:
            text = row[name]
            if text is None or name == "Birthdate":
                return date.fromisoformat(text) if text else None
            moment = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
            return moment.astimezone(ZoneInfo(self.zone)).date()

        return day

    def number(self, unit: str, day: date) -> int:
        """The number of the period in which a day is."""
        months = day.year * 12 + day.month - 1
        if unit.startswith("FISCAL_"):
            months -= self.fiscal_month - 1
        unit = unit.removeprefix("FISCAL_")
        if unit == "WEEK":
            return (day.toordinal() - 1 - self.week_starts) // 7
        return {
            "DAY": day.toordinal(),
            "MONTH": months,
            "QUARTER": months // 3,
            "YEAR": months // 12,
        }[unit]

    def range(self) -> tuple[str, str, int, int]:
        """A word, its unit, and the first and last period that it means."""
        unit = self.chance.choice(
            ["WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"]
        )
        n = self.chance.randrange(1, 6)
        here, today = self.number(unit, self.today), self.today.toordinal()
        return self.chance.choice(
            [
                (f"THIS_{unit}", unit, here, here),
                (f"LAST_{unit}", unit, here - 1, here - 1),
                (f"NEXT_{unit}", unit, here + 1, here + 1),
                (f"LAST_N_{unit}S:{n}", unit, here - n, here - 1),
                (f"next_n_{unit}s: {n}", unit, here + 1, here + n),
                (f"N_{unit}S_AGO:{n}", unit, here - n, here - n),
                ("TODAY", "DAY", today, today),
                ("yesterday", "DAY", today - 1, today - 1),
                ("TOMORROW", "DAY", today + 1, today + 1),
                ("LAST_90_DAYS", "DAY", today - 90, today),
                ("NEXT_90_DAYS", "DAY", today + 1, today + 90),
                (f"LAST_N_DAYS:{n}", "DAY", today - n, today),
                (f"NEXT_N_DAYS:{n}", "DAY", today + 1, today + n),
                (f"N_DAYS_AGO:{n}", "DAY", today - n, today - n),
            ]
        )

    def ranged(self, name: str, word: str, unit: str, first: int, last: int) -> Condition:
        """A comparison with a range of days."""
        op = self.chance.choice(["=", "!=", "<", "<=", ">", ">="])
        day = self.local(name)

        def test(row: Row) -> bool:
            found = day(row)
            if found is None:
                return op == "!="
            place = self.number(unit, found)
            return {
                "=": first <= place <= last,
                "!=": not first <= place <= last,
                "<": place < first,
                "<=": place <= last,
                ">": place > last,
                ">=": place >= first,
            }[op]

        return f"{name} {op} {word}", test

    def part(self) -> Condition:
        """A date function."""
        shown, value = self.chance.choice(self.parts())
        wanted = self.chance.choice([1, 2, 4, 7, 12, self.today.year])
        op = self.chance.choice(["=", "!=", "<", ">="])

        def test(row: Row) -> bool:
            found = value(row)
            if found is None:
                return op == "!="
            return {
                "=": found == wanted,
                "!=": found != wanted,
                "<": found < wanted,
                ">=": found >= wanted,
            }[op]

        return f"{shown} {op} {wanted}", test

    def parts(self) -> list[tuple[str, Callable[[Row], int | None]]]:
        """Date functions with what they give."""
        local, born = self.local("CreatedDate"), self.local("Birthdate")

        def of(day: Callable[[Row], date | None], part: Callable[[date], int]) -> Any:
            return lambda row: None if (found := day(row)) is None else part(found)

        return [
            ("CALENDAR_YEAR(Birthdate)", of(born, lambda d: d.year)),
            ("CALENDAR_QUARTER(Birthdate)", of(born, lambda d: (d.month - 1) // 3 + 1)),
            (
                "DAY_IN_WEEK(convertTimezone(CreatedDate))",
                of(local, lambda d: d.isoweekday() % 7 + 1),
            ),
            ("CALENDAR_MONTH(convertTimezone(CreatedDate))", of(local, lambda d: d.month)),
            ("HOUR_IN_DAY(CreatedDate)", lambda row: int(row["CreatedDate"][11:13])),
            ("DAY_IN_MONTH(CreatedDate)", lambda row: int(row["CreatedDate"][8:10])),
            ("FISCAL_MONTH(Birthdate)", of(born, lambda d: (d.month - self.fiscal_month) % 12 + 1)),
        ]

    # Order

    def sorting(self, fields: Sequence[str]) -> tuple[str, Callable[[list[Row]], list[Row]]]:
        """An ORDER BY clause, and what it does to rows that are in order of their last key."""
        chosen = [
            (
                name,
                self.chance.choice(["", " ASC", " DESC"]),
                self.chance.choice(["", "FIRST", "LAST"]),
            )
            for name in self.chance.sample(list(fields), self.chance.randrange(1, 4))
        ]
        text = ", ".join(
            name + direction + (f" NULLS {nulls}" if nulls else "")
            for name, direction, nulls in chosen
        )

        def order(rows: list[Row]) -> list[Row]:
            for name, direction, nulls in reversed(chosen):
                value = read(name)
                filled = [row for row in rows if value(row) is not None]
                empty = [row for row in rows if value(row) is None]
                rank = sort_rank(name, value)
                filled.sort(key=rank, reverse=direction == " DESC")
                rows = filled + empty if nulls == "LAST" else empty + filled
            return rows

        return text, order


def sort_rank(name: str, value: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """Picklists in Setup order, all else as compared."""
    if name.endswith("Source__c"):
        return lambda row: SOURCES.index(value(row))
    return lambda row: key(value(row))


GROUPS: dict[str, Callable[[Row], Any]] = {
    "Word__c": lambda row: key(row["Word__c"]),
    "Source__c": lambda row: key(row["Source__c"]),
    "Flag__c": lambda row: row["Flag__c"],
    "Account.Name": lambda row: key(read("Account.Name")(row)),
    "CALENDAR_YEAR(Birthdate)": lambda row: row["Birthdate"] and int(row["Birthdate"][:4]),
}


def totals(rows: list[Row]) -> dict[str, Any]:
    """What each aggregate gives over these rows."""
    scores = [row["Score__c"] for row in rows if row["Score__c"] is not None]
    words = [row["Word__c"] for row in rows if row["Word__c"] is not None]
    sources = [row["Source__c"] for row in rows if row["Source__c"] is not None]
    born = [row["Birthdate"] for row in rows if row["Birthdate"] is not None]
    return {
        "COUNT(Id)": len(rows),
        "COUNT(Score__c)": len(scores),
        "COUNT_DISTINCT(Email)": 0,
        "SUM(Score__c)": sum(scores) if scores else None,
        "AVG(Score__c)": sum(scores) / len(scores) if scores else None,
        "MAX(Score__c)": max(scores, default=None),
        "MIN(LastName)": min((row["LastName"] for row in rows), default=None),
        "MAX(Birthdate)": max(born, default=None),
        "MAX(Source__c)": max(sources, key=SOURCES.index, default=None),
        "COUNT_DISTINCT(Word__c)": len({fold(one) for one in words}),
    }


def kept_sets(count: int, kind: str) -> list[set[int]]:
    """Which group fields each set of groups keeps."""
    if kind == "ROLLUP":
        return [set(range(kept)) for kept in range(count, -1, -1)]
    if kind == "CUBE":
        return [{n for n in range(count) if mask >> n & 1} for mask in range(2**count)]
    return [set(range(count))]
