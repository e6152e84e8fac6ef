"""The resources about the API itself: the map of a version, limits, record counts."""

from __future__ import annotations

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.calls import DAILY_MAX

__all__ = ["composite_resources", "limits", "record_count", "resources"]

_NAMES = (
    "tooling", "metadata", "eclair", "folders", "jsonxform", "chatter", "payments", "tabs",
    "appMenu", "quickActions", "queryAll", "commerce", "wave", "iot", "analytics", "search",
    "smartdatadiscovery", "identity", "composite", "parameterizedSearch", "fingerprint", "theme",
    "nouns", "domino", "event", "serviceTemplates", "recent", "connect", "licensing", "limits",
    "process", "dedupe", "async-queries", "query", "jobs", "localizedvalue", "match",
    "emailConnect", "compactLayouts", "sobjects", "actions", "support",
)  # fmt: skip


def resources(request: Request) -> Answer:
    """GET /services/data/vNN.N: resource name to address, `identity` among them [R]."""
    urls = {name: f"{request.data}/{name}" for name in _NAMES if name != "identity"}
    organization = request.org.organization["Id"]
    urls["identity"] = f"{request.base}/id/{organization}/{request.access.user_id}"
    return Answer(body=urls)


def limits(request: Request) -> Answer:
    """GET /limits, as a developer edition has them; API calls, Bulk jobs and mails are counted."""
    bulk = request.org.bulk
    calls = max(0, DAILY_MAX - request.org.calls.used)
    mails = sum(1 for mail in request.org.outbox.as_json() if mail["kind"] == "action")
    return Answer(
        body={
            "DailyApiRequests": {"Max": DAILY_MAX, "Remaining": calls},
            "DailyBulkApiBatches": {
                "Max": bulk.limit("batches"),
                "Remaining": bulk.left("batches"),
            },
            "DailyBulkV2QueryJobs": {
                "Max": bulk.limit("query_jobs"),
                "Remaining": bulk.left("query_jobs"),
            },
            "DailyBulkV2QueryFileStorageMB": {"Max": 976562, "Remaining": 976562},
            "DataStorageMB": {"Max": 5, "Remaining": 5},
            "FileStorageMB": {"Max": 20, "Remaining": 20},
            "MassEmail": {"Max": 10, "Remaining": 10},
            "SingleEmail": {"Max": 15, "Remaining": max(0, 15 - mails)},
        }
    )


def record_count(request: Request) -> Answer:
    """GET /limits/recordCount?sObjects=A,B: objects without rows are left out [R]."""
    wanted = [name for name in request.params.get("sObjects", "").split(",") if name]
    org = request.org
    found = []
    for definition in org.schema.objects():
        if wanted and definition.name.lower() not in {name.strip().lower() for name in wanted}:
            continue
        if not org.has_object(definition) or not request.access.object_visible(definition.name):
            continue
        binned = ' WHERE "IsDeleted" = 0' if definition.field("IsDeleted") else ""
        sql = f'SELECT COUNT(*) FROM "{definition.name}"{binned}'  # noqa: S608 (a schema name)
        count = org.storage.execute(sql)[0][0]
        if count:
            found.append({"count": count, "name": definition.name})
    return Answer(body={"sObjects": found})


def composite_resources(request: Request) -> Answer:
    """GET /composite: its sub-resources."""
    names = ("tree", "batch", "sobjects", "graph")
    return Answer(body={name: f"{request.data}/composite/{name}" for name in names})
