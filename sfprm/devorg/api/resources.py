"""The resources about the API itself: the map of a version, record counts."""

from __future__ import annotations

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.problems import Refusal

__all__ = ["composite_resources", "record_count", "resources", "untracked"]

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


def untracked(request: Request) -> Answer:
    """GET /tooling/sobjects/SourceMember/describe, by which the sf CLI asks whether the org tracks
    its sources: a developer edition does not, and 404 says so [M]."""
    raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
