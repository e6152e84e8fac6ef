"""`adopt`: programme files from an org that has partners already. Writes nothing to the org."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from sfprm.blocks import Block, Table, Text
from sfprm.errors import BadRequest, NotReady
from sfprm.jobs.adopt_rules import with_rules
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.programme.model import KeyFields
from sfprm.provisioning.adopt import AdoptTerms
from sfprm.provisioning.adopt_doubts import Doubt
from sfprm.provisioning.adopt_folder import adopted, more, write_folder
from sfprm.provisioning.adopt_reader import read_found
from sfprm.provisioning.adopt_rest import not_adopted

__all__ = ["AdoptJob", "AdoptOptions", "AdoptResult"]

COUNTRY_FIELDS = ("BillingCountryCode", "BillingCountry")
SHOWN = 20
"""Doubts that are printed; all of them stand in review.csv."""


class AdoptOptions(JobOptions):
    """Options of `adopt`. `folder` must be new or empty. `keys`: `leave` writes no keys to the org
    ever, `write` has the next apply write them. `account_fields` go into the files and are managed
    from then on."""

    folder: Path
    name: str = ""
    site: str | None = None
    keys: Literal["leave", "write"] = "leave"
    tier_field: str | None = None
    account_fields: tuple[str, ...] = ()
    with_inactive: bool = False


@dataclass(frozen=True)
class AdoptResult(JobResult):
    """What was written, and what a person should look at."""

    folder: Path
    files: tuple[str, ...]
    counted: Mapping[str, int]
    review: tuple[Doubt, ...]

    def blocks(self) -> tuple[Block, ...]:
        listed = ", ".join(_counted(many, noun) for noun, many in self.counted.items())
        out: list[Block] = [Text((f"Found {listed}.",))]
        if self.review:
            rows = tuple(
                (d.kind, d.name or d.record, d.what, d.advice) for d in self.review[:SHOWN]
            )
            more = f", the first {SHOWN} of {len(self.review)}" if len(self.review) > SHOWN else ""
            title = f"To look at{more}"
            out.append(Table(("", "which", "what", "advice"), rows, title=title))
        out.append(
            Text(
                (
                    f"Wrote {', '.join(self.files)} to {self.folder}/. The org was not changed.",
                    f"Next: sfprm plan --programme {self.folder}   (it shows no change)",
                )
            )
        )
        return tuple(out)

    def to_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "files": list(self.files),
            "counts": dict(self.counted),
            "review": [
                {"kind": d.kind, "name": d.name, "record": d.record, "what": d.what,
                 "advice": d.advice}
                for d in self.review
            ],
        }  # fmt: skip

    @property
    def counts(self) -> Mapping[str, int]:
        return self.counted


def _counted(many: int, noun: str) -> str:
    one = "person" if noun == "people" else noun.removesuffix("s")
    return f"{many} {one if many == 1 else noun}"


class AdoptJob(Job[AdoptOptions, AdoptResult]):
    """Reads the org, proposes files, writes them into a new folder."""

    name: ClassVar[str] = "adopt"
    summary: ClassVar[str] = "writes programme files from an org that has partners"
    recorded: ClassVar[bool] = False
    needs_programme: ClassVar[bool] = False
    options = AdoptOptions

    def run(self, context: JobContext, options: AdoptOptions) -> AdoptResult:
        folder = options.folder
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadRequest(
                f"{folder} exists already and is not an empty folder.", hint="Name a new folder."
            )
        wanted = [*COUNTRY_FIELDS, *options.account_fields]
        wanted += [options.tier_field] if options.tier_field else []
        found = read_found(context.session, KeyFields(), tuple(dict.fromkeys(wanted)))
        if not any(account.is_partner for account in found.accounts):
            housed = len({person.account_id for person in found.people})
            raise NotReady(
                "No account of this org is enabled as partner"
                + (f", though {housed} have partner users." if housed else "."),
                hint="Start with `sfprm init DIR`, or enable the accounts and adopt again.",
            )
        terms = AdoptTerms(
            name=options.name,
            site=options.site,
            keys=options.keys,
            tier_field=options.tier_field,
            account_fields=options.account_fields,
            with_inactive=options.with_inactive,
        )
        done = with_rules(context, adopted(found, terms), found)
        rest = not_adopted(context.session, done.programme, context.clock)
        done = more(done, {}, rest)
        write_folder(folder, done)
        programme = done.programme
        counted = {
            "partners": len(programme.partners),
            "people": len(programme.people),
            "channel managers": len(programme.channel_managers),
            "queues": sum(q.managed for q in programme.queues.values()),
            "groups": sum(g.managed for g in programme.groups.values()),
            "sites": len(programme.sites),
            "lead rules": len(programme.routing.rules),
        }
        return AdoptResult(folder, tuple(done.files), counted, done.review)
