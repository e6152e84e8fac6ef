"""The fairness certificate: what a pool's members were entitled to and got, the proved bound, and
the journal's hash at that moment, so that anybody with the journal can check it later.

A certificate covers the journal up to one entry. Its seal is the sha256 of its canonical JSON; it
tells a changed certificate, the chain's hash tells a changed journal.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest
from sfprm.insight.fairness import FairnessReport, fairness
from sfprm.insight.names import instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.ids import PoolKey
    from sfprm.programme.model import Programme
    from sfprm.store.api import StoreReader

__all__ = ["Certificate", "certificate", "check", "from_json"]

FORM = "sfprm fairness certificate 1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was certified. `body` is plain JSON without the seal; `report` what it is shown by."""

    body: Mapping[str, Any]
    report: FairnessReport | None = None

    @property
    def seal(self) -> str:
        """sha256 of the canonical body."""
        return hashlib.sha256(_canonical(self.body).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The file."""
        return {**self.body, "seal": self.seal}

    def blocks(self) -> tuple[Block, ...]:
        """What a person reads."""
        body = self.body
        made = instant_text(datetime.fromisoformat(body["made_at"]))
        lines = [
            f"Fairness certificate of {body['programme']}, {made}, over journal entries 1 to "
            f"{body['journal']:,}.",
            f"Seal {self.seal}.",
        ]
        lines += [
            f"Chain {pool['chain']}: entry {pool['length']:,}, hash {pool['hash']}."
            for pool in body["pools"]
        ]
        shown = self.report.blocks() if self.report is not None else ()
        return (Text(tuple(lines)), *shown)


def certificate(
    reader: StoreReader, pools: Iterable[PoolKey] | None, programme: Programme, now: datetime
) -> Certificate:
    """Certify pools (None: all) as of the journal's end. Raises BadRequest for a pool that is not
    declared."""
    ends = reader.chain_ends()
    journal = ends[""].length if "" in ends else 0
    report = fairness(reader, pools, programme, upto=journal)
    org = reader.org()
    return Certificate(
        {
            "form": FORM,
            "org": None if org is None else org.org_id,
            "programme": programme.name,
            "made_at": now.isoformat(timespec="seconds"),
            "journal": journal,
            "pools": [
                {
                    **pool.exact(),
                    "chain": (chain := f"pool:{pool.pool}"),
                    "length": ends[chain].length if chain in ends else 0,
                    "hash": ends[chain].hash if chain in ends else "",
                }
                for pool in report.pools
            ],
        },
        report,
    )


def from_json(text: str) -> Certificate:
    """A certificate's file. Raises BadRequest when it is none, or was changed."""
    try:
        body = json.loads(text)
        seal = body.pop("seal")
        form = body["form"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadRequest(
            "This is not a fairness certificate.", hint="`sfprm certificate --out FILE` makes one."
        ) from None
    if form != FORM:
        raise BadRequest(
            f"This certificate is of the form {form!r}, which this sfprm does not know.",
            hint="Check it with the version that made it, or a newer one.",
        )
    found = Certificate(body)
    if found.seal != seal:
        raise BadRequest(
            "The certificate was changed after it was made: its seal does not fit.",
            hint="Ask for the original file.",
        )
    return found


def check(reader: StoreReader, found: Certificate, programme: Programme) -> list[str]:
    """What the journal says against a certificate, in words; empty when it proves it.

    The figures are made again from the journal up to the entry that the certificate covers, and
    the chain must have the same hash there.
    """
    body = found.body
    wrong = []
    org = reader.org()
    if org is not None and body["org"] not in (None, org.org_id):
        return [f"The certificate is of the org {body['org']}, this state of {org.org_id}."]
    declared = [p["pool"] for p in body["pools"] if p["pool"] in programme.routing.pools]
    made = {
        p.pool: p.exact() for p in fairness(reader, declared, programme, upto=body["journal"]).pools
    }
    for pool in body["pools"]:
        name = pool["pool"]
        link = reader.chain_hash(pool["chain"], pool["length"]) if pool["length"] else ""
        if link != pool["hash"]:
            wrong.append(f"Pool {name}: the journal has another hash at entry {pool['length']:,}.")
        if name not in made:
            wrong.append(
                f"Pool {name}: the programme no longer declares it; its figures are not made again."
            )
            continue
        again = made[name]
        figures = ("leads", "refunds", "worst", "ever", "members")
        wrong.extend(
            f"Pool {name}: the journal gives other {figure}."
            for figure in figures
            if _figure(again[figure]) != _figure(pool[figure])
        )
    return wrong


def _figure(value: Any) -> Any:
    """Members without what a later programme may say of them: names, and whether they left."""
    if not isinstance(value, list):
        return value
    return {m["member"]: (m["entitled"], m["got"]) for m in value if m["entitled"] or m["got"]}


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
