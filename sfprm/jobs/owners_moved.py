"""What route, recall, reassign and undo have in common to show: what an earlier run left, notices
handed over, moves that did not come out as decided."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfprm.blocks import Block, Table
from sfprm.distribution.carry import Settled
from sfprm.distribution.notify import MailReport
from sfprm.distribution.reassign import Move, ReassignResult

MOST_SHOWN = 10


def leads_counted(count: int) -> str:
    """`1 lead`, `2,000 leads`."""
    return f"{count:,} {'lead' if count == 1 else 'leads'}"


def settled_lines(refused: Sequence[Settled], overtaken: Sequence[Settled]) -> tuple[str, ...]:
    """A line for each that the org refused or somebody else moved; long lists are cut."""
    lines = [f"! refused by the org: {_called(s)}: {s.words}" for s in refused[:MOST_SHOWN]]
    lines += [f"! moved by another: {_called(s)}: {s.words}" for s in overtaken[:MOST_SHOWN]]
    more = max(len(refused) - MOST_SHOWN, 0) + max(len(overtaken) - MOST_SHOWN, 0)
    if more:
        lines.append(f"… and {more} more; the run's result.json lists them all.")
    return tuple(lines)


def _called(settled: Settled) -> str:
    """Its name, or its id where that was purged."""
    return settled.entry.label or settled.entry.lead


def taken_up_lines(taken_up: int) -> list[str]:
    """What an interrupted run had left; nothing for none."""
    if not taken_up:
        return []
    was = (
        "decision of an interrupted run was"
        if taken_up == 1
        else "decisions of an interrupted run were"
    )
    return [f"{taken_up:,} {was} finished first."]


def notice_lines(mails: MailReport) -> list[str]:
    """Notices handed over, which says nothing of delivery; nothing for none."""
    noun = "notice" if mails.sent == 1 else "notices"
    return [f"{mails.sent:,} {noun} handed over for sending."] if mails.sent else []


def settled_json(settled: Sequence[Settled]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {"lead": s.entry.lead, "label": s.entry.label, "state": s.state.value, "why": s.words}
        for s in settled
    ]


def moves_table(moves: Sequence[Move]) -> tuple[Block, ...]:
    """The first moves, by lead; nothing for none."""
    if not moves:
        return ()
    rows = [(m.label or m.lead, m.from_name, m.owner_name) for m in moves[:MOST_SHOWN]]
    if len(moves) > MOST_SHOWN:
        rows.append((f"… and {len(moves) - MOST_SHOWN} more", "", ""))
    return (Table(("lead", "from", "to"), tuple(rows)),)


def write_moves(path: Path, done: ReassignResult) -> Path:
    """A row for each lead of a reassignment: from, to, what became of it. Returns the path."""
    failed = {s.entry.lead: s for s in (*done.refused, *done.overtaken)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("Id", "Lead", "From", "To", "Result", "Why"))
        for move in done.moves:
            settled = failed.get(move.lead)
            result = settled.state.value if settled else "moved"
            why = settled.words if settled else ""
            rows.writerow((move.lead, move.label, move.from_name, move.owner_name, result, why))
        for left in done.left:
            rows.writerow((left.lead, left.label, "", "", "left", left.why))
    return path


def moves_json(moves: Sequence[Move]) -> list[dict[str, Any]]:
    """Every move, by lead."""
    return [
        {"lead": m.lead, "label": m.label, "from": m.owner_seen, "to": m.owner_new} for m in moves
    ]
