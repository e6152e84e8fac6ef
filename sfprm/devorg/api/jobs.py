"""/jobs/ingest and /jobs/query: Bulk API 2.0 over HTTP (rest.md section 7).

What a job's state does not allow is 400 INVALIDJOBSTATE (unverified, but for the deletion of a
query job [D] and a second upload [P]). The upload is text/csv in UTF-8, once a job [D]."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sfprm.devorg.api.exchange import Answer, Request, read_json
from sfprm.devorg.api.forms import form_parts
from sfprm.devorg.api.writing import external_id, find_object
from sfprm.devorg.bulk import queries
from sfprm.devorg.bulk.dialect import DELIMITERS, LINE_ENDINGS, CsvProblem
from sfprm.devorg.bulk.job import Job, State
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.problems import Refusal
from sfprm.devorg.stamps import stamp_text

__all__ = [
    "batches",
    "change_ingest",
    "change_query",
    "create_ingest",
    "create_query",
    "delete_ingest",
    "delete_query",
    "failed_results",
    "ingest_info",
    "ingest_jobs",
    "query_info",
    "query_jobs",
    "query_results",
    "successful_results",
    "unprocessed_records",
]

MAX_ENCODED = 150 * 1024 * 1024  # bytes of one job's data as base64 [D]
MAX_UPLOAD = MAX_ENCODED // 4 * 3
"""Bytes of one upload as it is sent."""
MAX_INLINE = 100_000
MAX_HEADER = 1_000_000  # characters: 5,000 names, as long as names can be
PAGE = 1000
DEFAULT_RECORDS = 50_000
CSV = "text/csv"
_OPERATIONS = {
    "insert": "createable",
    "update": "updateable",
    "upsert": "createable",
    "delete": "deletable",
    "hardDelete": "deletable",
}


def create_ingest(request: Request) -> Answer:
    """POST /jobs/ingest: the job, Open."""
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        return _create_with_data(request)
    return _kept(request, _new_ingest(request, request.json_object()))


def _create_with_data(request: Request) -> Answer:
    """A job with its data in one request, closed at once [D]: a part `job`, JSON, and a part
    `content`, CSV of up to 100,000 characters [M]; the answer to more is unverified."""
    parts = form_parts(request, "A job with its data")
    if "job" not in parts or "content" not in parts:
        raise Refusal(400, "INVALID_MULTIPART_REQUEST", "The parts job and content are both needed")
    body = read_json(parts["job"])
    if not isinstance(body, dict):
        raise _invalid_job("the part job is no JSON object")
    text = _csv(parts["content"])
    if len(text) > MAX_INLINE:
        raise Refusal(
            400, "CLIENTINPUTERROR", f"The data has more than {MAX_INLINE} characters: upload it"
        )
    job = _new_ingest(request, body)
    bulk = request.org.bulk
    with request.org.storage.transaction():
        _kept(request, job)
        _upload(request, job, text)
        closed = bulk.close(replace(job, uploaded=True, lock=_met(request)))
    assert closed is not None
    return Answer(body=closed.shown())


def _new_ingest(request: Request, body: Mapping[str, Any]) -> Job:
    operation = _choice(body, "operation", None, _OPERATIONS)
    if operation == "hardDelete" and not request.access.has("BulkApiHardDelete"):
        raise Refusal(
            400,
            "FEATURENOTENABLED",
            "hardDelete operation requires special user profile permission, please contact your "
            "system administrator",
        )
    name = body.get("object")
    if not isinstance(name, str) or not name:
        raise _invalid_job("object is required")
    try:
        definition = find_object(request, name)
    except Refusal as refusal:
        if refusal.status == 501:
            raise
        raise Refusal(400, "INVALIDENTITY", f"Unable to find object: {name}") from refusal
    if not getattr(definition, _OPERATIONS[operation]):
        raise Refusal(
            400, "INVALIDENTITY", f"Entity '{definition.name}' is not supported by the Bulk API."
        )
    if request.org.bulk.left("batches") == 0:
        raise Refusal(400, "EXCEEDEDQUOTA", "ApiBatchItems Limit exceeded.")
    key = None
    if operation == "upsert":
        wanted = body.get("externalIdFieldName")
        if not isinstance(wanted, str) or not wanted:
            raise _invalid_job(
                f"External ID was blank for {definition.name}. An External ID must be specified "
                "for upsert."
            )
        try:
            key = external_id(request, definition, wanted).name
        except Refusal as refusal:
            raise _invalid_job(
                f"Field name provided, {wanted} does not match an External ID for {definition.name}"
            ) from refusal
    job = _new(request, "ingest", operation, definition.name, body, State.OPEN)
    return replace(job, external_id=key, assignment_rule=_rule(body))


def batches(request: Request, id: str) -> Answer:
    """PUT /jobs/ingest/{id}/batches: 201, empty."""
    job = _job(request, "ingest", id)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in {"", CSV}:
        raise Refusal(
            415, "UNSUPPORTED_MEDIA_TYPE", f"Content type {kind} is not supported: send text/csv"
        )
    if job.state is not State.OPEN:
        raise _wrong_state(job, "upload to")
    if job.uploaded:
        raise Refusal(
            400,
            "INVALIDJOBSTATE",
            f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the "
            "current Job then create a new Job and make sure you only do 'PUT' once on a given "
            "Job.",
        )
    text = _csv(request.body)
    with request.org.storage.transaction():
        _upload(request, job, text)
    return Answer(201)


def _csv(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(400, "CLIENTINPUTERROR", "The data is not UTF-8") from error


def _upload(request: Request, job: Job, text: str) -> None:
    store = request.org.bulk.store
    store.put_data(job.id, text)
    store.save(replace(job, uploaded=True, lock=_met(request)))


def _met(request: Request) -> tuple[str, str] | None:
    """The lock that rows of this upload are to meet."""
    return (request.lock.code, request.lock.message) if request.lock is not None else None


def change_ingest(request: Request, id: str) -> Answer:
    """PATCH /jobs/ingest/{id}: UploadComplete or Aborted."""
    job = _job(request, "ingest", id)
    wanted = request.json_object().get("state")
    if wanted == State.UPLOADED:
        closed = request.org.bulk.close(job)
        if closed is None:
            raise _wrong_state(job, "close")
        return Answer(body=closed.shown())
    return _abort(request, job, wanted)


def ingest_info(request: Request, id: str) -> Answer:
    """GET /jobs/ingest/{id}: a poll."""
    return Answer(body=request.org.bulk.poll(_job(request, "ingest", id)).detailed())


def ingest_jobs(request: Request) -> Answer:
    """GET /jobs/ingest: the newest first, 1,000 a page."""
    return _list(request, "ingest")


def delete_ingest(request: Request, id: str) -> Answer:
    """DELETE /jobs/ingest/{id}: 204; not while it is open or at work [D]."""
    job = _job(request, "ingest", id)
    if job.state in {State.OPEN, State.RUNNING}:
        raise _wrong_state(job, "delete")
    request.org.bulk.store.delete(job.id)
    return Answer(204)


def successful_results(request: Request, id: str) -> Answer:
    """GET /jobs/ingest/{id}/successfulResults."""
    return _results(request, id, "successful", ["sf__Id", "sf__Created"])


def failed_results(request: Request, id: str) -> Answer:
    """GET /jobs/ingest/{id}/failedResults."""
    return _results(request, id, "failed", ["sf__Id", "sf__Error"])


def unprocessed_records(request: Request, id: str) -> Answer:
    """GET /jobs/ingest/{id}/unprocessedrecords: the columns as they were sent."""
    return _results(request, id, "unprocessed", [])


def create_query(request: Request) -> Answer:
    """POST /jobs/query: the job, UploadComplete. Queries that cannot run are refused at once."""
    body = request.json_object()
    operation, text = _choice(body, "operation", None, ("query", "queryAll")), body.get("query")
    if not isinstance(text, str) or not text.strip():
        raise _invalid_job("query is required")
    bulk = request.org.bulk
    if bulk.left("query_jobs") == 0:
        most = bulk.limit("query_jobs")
        raise Refusal(
            400, "LIMIT_EXCEEDED", f"Max bulk v2 query jobs ({most}) per 24 hrs has been exceeded"
        )
    name = queries.check(request.org, request.access, text, request.version)
    job = _new(request, "query", operation, name, body, State.UPLOADED)
    bulk.store.use("query_jobs", 1)
    closed = request.org.clock.now().isoformat()
    return _kept(request, replace(job, query=text, closed=closed))


def query_info(request: Request, id: str) -> Answer:
    """GET /jobs/query/{id}: a poll."""
    return Answer(body=request.org.bulk.poll(_job(request, "query", id)).detailed())


def query_jobs(request: Request) -> Answer:
    """GET /jobs/query: the newest first, 1,000 a page."""
    return _list(request, "query")


def change_query(request: Request, id: str) -> Answer:
    """PATCH /jobs/query/{id}: Aborted."""
    job = _job(request, "query", id)
    return _abort(request, job, request.json_object().get("state"))


def delete_query(request: Request, id: str) -> Answer:
    """DELETE /jobs/query/{id}: 204; only one at its end [D]."""
    job = _job(request, "query", id)
    if job.working:
        raise Refusal(
            400,
            "API_ERROR",
            "Error encountered when deleting the job because the job is not terminated",
        )
    request.org.bulk.store.delete(job.id)
    return Answer(204)


def query_results(request: Request, id: str) -> Answer:
    """GET /jobs/query/{id}/results?maxRecords=&locator=. `Sforce-Locator` is the base64 of the next
    row's number, the word `null` at the end [D, R]; without maxRecords 50,000 rows (unverified)."""
    bulk = request.org.bulk
    job = bulk.reveal(_job(request, "query", id))
    if job.state is not State.DONE:
        raise _wrong_state(job, "read the results of")
    first = _locator(request.params.get("locator", ""))
    most = _number(request.params.get("maxRecords", ""), DEFAULT_RECORDS)
    if first < 0 or (first and first >= job.processed):
        raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    lines = bulk.store.lines(job.id, "rows", first, most)
    after = first + len(lines)
    more = base64.b64encode(str(after).encode()).decode().rstrip("=")
    headers = {
        "Sforce-Locator": more if after < job.processed else "null",
        "Sforce-NumberOfRecords": str(len(lines)),
    }
    text = "".join(bulk.store.parts(job.id, "header")) + "".join(lines)
    return Answer(200, None, headers, text.encode(), CSV)


def _new(
    request: Request,
    kind: str,
    operation: str,
    object_: str,
    body: Mapping[str, Any],
    state: State,
) -> Job:
    _choice(body, "contentType", "CSV", ("CSV",))
    now = stamp_text(request.org.clock.now())
    return Job(
        id=request.org.storage.next_id("750"),
        kind=kind,
        operation=operation,
        object=object_,
        user_id=request.access.user_id,
        version=request.version,
        created=now,
        modified=now,
        state=state,
        delimiter=_choice(body, "columnDelimiter", "COMMA", DELIMITERS),
        line_ending=_choice(body, "lineEnding", "LF", LINE_ENDINGS),
    )


def _choice(body: Mapping[str, Any], name: str, default: str | None, allowed: Iterable[str]) -> str:
    value = body.get(name)
    value = default if value is None else value
    if isinstance(value, str) and value in allowed:
        return value
    raise _invalid_job(f"{name} must be one of {', '.join(allowed)}")


def _kept(request: Request, job: Job) -> Answer:
    request.org.bulk.store.prepare()
    request.org.bulk.add(job)
    return Answer(body=job.shown())


def _rule(body: Mapping[str, Any]) -> str | None:
    """The assignment rule to run on the job's leads or cases. A malformed id is refused as in the
    header `Sforce-Auto-Assign` (unverified)."""
    value = body.get("assignmentRuleId")
    if value is None or value == "":
        return None
    if isinstance(value, str) and is_id(value) and value[:3] == "01Q":
        return canonical(value)
    raise Refusal(400, "MALFORMED_ID", f"malformed id {value}")


def _job(request: Request, kind: str, id_: str) -> Job:
    store = request.org.bulk.store
    store.prepare()
    job = store.find(canonical(id_)) if is_id(id_) else None
    if job is None or job.kind != kind:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    return job


def _abort(request: Request, job: Job, wanted: Any) -> Answer:
    """Only its creator, or who may manage data integrations, aborts a job [D]."""
    if wanted != State.ABORTED:
        raise _invalid_job(f"state cannot be set to {wanted}")
    access = request.access
    if job.user_id != access.user_id and not access.has("ManageDataIntegrations"):
        raise Refusal(403, "INSUFFICIENT_ACCESS", "only the job's creator may abort it")
    aborted = request.org.bulk.abort(job)
    if aborted is None:
        raise _wrong_state(job, "abort")
    return Answer(body=aborted.shown())


def _results(request: Request, id_: str, kind: str, head: list[str]) -> Answer:
    """One of the three files; empty but for its header when it has no rows."""
    bulk = request.org.bulk
    job = bulk.reveal(_job(request, "ingest", id_))
    if job.state not in {State.DONE, State.FAILED, State.ABORTED}:
        raise _wrong_state(job, "read the results of")
    parts = bulk.store.parts(job.id, kind)
    if kind != "unprocessed" or not parts:
        parts.insert(0, _header(request, job, head))
    return Answer(200, None, {}, "".join(parts).encode(), CSV)


def _header(request: Request, job: Job, head: list[str]) -> str:
    try:
        names, _ = job.dialect.header(request.org.bulk.store.data(job.id, MAX_HEADER))
    except CsvProblem:
        names = []
    return job.dialect.line([*head, *names]) if head or names else ""


def _list(request: Request, kind: str) -> Answer:
    """`queryLocator` is the number of the first job of the page (its form is unverified)."""
    store = request.org.bulk.store
    store.prepare()
    first = _number(request.params.get("queryLocator", ""), 0)
    found = store.page(kind, first, PAGE + 1)
    more = len(found) > PAGE
    address = f"{request.data}/jobs/{kind}?queryLocator={first + PAGE}"
    return Answer(
        body={
            "done": not more,
            "records": [job.listed() for job in found[:PAGE]],
            "nextRecordsUrl": address if more else None,
        }
    )


def _number(text: str, default: int) -> int:
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Refusal(400, "INVALID_ARGUMENT", f"{text[:40]} is not a number")
    return int(text) or default


def _locator(text: str) -> int:
    """The row that a locator stands for; -1 for one that is none."""
    if text in {"", "null"}:
        return 0
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return -1
    return int(found) if found.isdigit() and 0 < len(found) < 13 else -1


def _invalid_job(why: str) -> Refusal:
    return Refusal(400, "INVALIDJOB", f"InvalidJob : {why}")


def _wrong_state(job: Job, verb: str) -> Refusal:
    return Refusal(
        400, "INVALIDJOBSTATE", f"Cannot {verb} job {job.id}: its state is {job.state.value}"
    )
