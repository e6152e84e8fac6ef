"""CSV as a job says it is: one of six column delimiters, one of two line ends, double quotes.

Read strictly, so that no file is half understood: a quote in an unquoted value, a quote left open
and a row with too few or too many values refuse the file. The words for quotes and line ends are
those seen in the wild [P]; the one for the number of values is unverified. Line breaks within
quotes are data here, as documented; some report that a real org refuses them too [P]."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["DELIMITERS", "LINE_ENDINGS", "CsvProblem", "Dialect"]

DELIMITERS = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


class CsvProblem(Exception):
    """The job's data cannot be read; the text is the job's `errorMessage`."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`delimiter` and `line_ending` by the names that jobs use."""

    delimiter: str = "COMMA"
    line_ending: str = "LF"

    def rows(self, text: str, start: int = 0) -> Iterator[tuple[list[str], int]]:
        """Each row's values with the offset after the row, from the offset `start` (the beginning
        of a row) on. Empty lines are left out. Raises CsvProblem."""
        pattern = _pattern(DELIMITERS[self.delimiter])
        ending = LINE_ENDINGS[self.line_ending]
        place, end = start, len(text)
        while place < end:
            cells: list[str] = []
            while True:
                match = pattern.match(text, place)
                if match is None:
                    raise _unreadable(text, place)
                quoted, bare, stop = match.groups()
                cells.append(bare if quoted is None else quoted.replace('""', '"'))
                place = match.end()
                if stop == DELIMITERS[self.delimiter]:
                    continue
                if stop and stop != ending:
                    raise CsvProblem(
                        "ClientInputError : LineEnding is invalid on user data. Current LineEnding "
                        f"setting is {self.line_ending}"
                    )
                break
            if cells != [""]:
                yield cells, place

    def header(self, text: str) -> tuple[list[str], int]:
        """The first row and the offset after it. Raises CsvProblem."""
        for cells, place in self.rows(text):
            return [cell.strip() for cell in cells], place
        raise CsvProblem("ClientInputError : Unable to find any data to create batch")

    def count(self, text: str) -> int:
        """How many rows follow the header; every one is read. Raises CsvProblem."""
        names, start = self.header(text)
        found = 0
        for cells, _ in self.rows(text, start):
            found += 1
            if len(cells) != len(names):
                raise CsvProblem(
                    f"InvalidBatch : Failed to parse CSV. Record {found} has {len(cells)} values, "
                    f"the header has {len(names)}"
                )
        return found

    def line(self, cells: Sequence[str]) -> str:
        """A row as the org writes it: every value in quotes [D]."""
        between = f'"{DELIMITERS[self.delimiter]}"'
        marked = between.join([cell.replace('"', '""') for cell in cells])
        return f'"{marked}"{LINE_ENDINGS[self.line_ending]}'


def _pattern(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(
        rf'(?:"((?:[^"]++|"")*+)"|([^"{mark}\r\n]*+))({mark}|\r\n|\n|\r|\Z)', re.DOTALL
    )


def _unreadable(text: str, place: int) -> CsvProblem:
    """What is wrong at a value that cannot be read."""
    closed = re.compile(r'"(?:[^"]++|"")*+"').match(text, place)
    if text[place] == '"' and closed is None:
        why = "EOF reached before closing an opened quote"
    else:
        why = "Found unescaped quote. A value with quote should be within a quote"
    return CsvProblem(f"InvalidBatch : Failed to parse CSV. {why}")
