"""`certificate`: fairness proved, as a file that can be checked against the journal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest, NotReady
from sfprm.ids import PoolKey
from sfprm.insight.certificate import Certificate, certificate, check, from_json
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.out_place import page_place


class CertificateOptions(JobOptions):
    """Options of `certificate`. `out` without an ending is a folder: the file is then named by
    its moment."""

    pools: tuple[str, ...] = ()
    out: Path | None = None
    check: Path | None = None


@dataclass(frozen=True)
class CertificateResult(JobResult):
    """The certificate; `wrong` is what the journal says against one that was checked."""

    found: Certificate
    checked: Path | None
    wrong: tuple[str, ...]
    written: Path | None

    def blocks(self) -> tuple[Block, ...]:
        if self.checked is not None:
            if self.wrong:
                return (Text((f"{self.checked} does not hold:", *self.wrong)),)
            count = self.found.body["journal"]
            line = f"{self.checked} holds: made again from journal entries 1 to {count:,}."
            return (*self.found.blocks(), Text((line,)))
        written = () if self.written is None else (Text((f"Written to {self.written}.",)),)
        return (*self.found.blocks(), *written)

    def to_json(self) -> dict[str, Any]:
        checked = {} if self.checked is None else {"holds": not self.wrong, "wrong": self.wrong}
        return self.found.to_json() | checked

    @property
    def exit_code(self) -> int:
        return NotReady.exit_code if self.wrong else 0

    @property
    def warnings(self) -> tuple[str, ...]:
        report = self.found.report
        if report is None:
            return ()
        return tuple(
            f"pool {pool.pool}: the worst distance is beyond the proved bound; run `sfprm state "
            "verify`."
            for pool in report.pools
            if pool.beyond
        )


class CertificateJob(Job[CertificateOptions, CertificateResult]):
    """Reads the journal alone; needs no org."""

    name: ClassVar[str] = "certificate"
    summary: ClassVar[str] = "certifies the pools' fairness, with the journal's hashes"
    recorded: ClassVar[bool] = False
    offline: ClassVar[bool] = True
    options = CertificateOptions

    def run(self, context: JobContext, options: CertificateOptions) -> CertificateResult:
        if options.check is not None:
            found = from_json(_read(options.check))
            wrong = check(context.store, found, context.programme)
            return CertificateResult(found, options.check, tuple(wrong), None)
        pools = [PoolKey(pool) for pool in options.pools] or None
        now = context.clock.now()
        made = certificate(context.store, pools, context.programme, now)
        written = None
        if options.out is not None:
            written = page_place(options.out, "fairness", "json", now)
            _write(written, made)
        return CertificateResult(made, None, (), written)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "not text"
        raise BadRequest(f"{path}: {words}.", hint="Name a certificate's file.") from None


def _write(path: Path, made: Certificate) -> None:
    text = json.dumps(made.to_json(), ensure_ascii=False, indent=2) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}.", hint="Choose another --out.") from None
