"""Bulk API 2.0: jobs that are created, fed with CSV, closed and polled, and query jobs.

`dialect` reads and writes CSV, `job` is a job as a value and the table of its states, `store` keeps
jobs and results in the org's database, `columns` turns a CSV row into a record, `ingest` and
`queries` do the work, `bulk` is the whole as the org holds it.

The facts are those of rest.md section 7, with their marks; the words of refusals that the sheet
does not have were seen in public code and threads [P] where a docstring says so, else they are
unverified. Codes of refused requests are the names of Bulk v1's exceptions in capitals
(`INVALIDENTITY` [P]; the others by analogy, unverified)."""

from __future__ import annotations

from sfprm.devorg.bulk.bulk import Bulk

__all__ = ["Bulk"]
