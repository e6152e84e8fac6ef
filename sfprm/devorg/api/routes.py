"""Which function answers which address. One table; paths are matched without regard to case, with
or without a trailing slash, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from sfprm.devorg.api import (
    actions,
    allowances,
    collections,
    composite,
    describe,
    graph,
    jobs,
    metadata,
    passwords,
    query,
    recent,
    replication,
    resources,
    sobjects,
    tree,
)
from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.problems import Refusal, not_imitated

__all__ = ["NOT_IMITATED", "ROUTES", "Found", "find"]

Handler: TypeAlias = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """`template` is below `/services/data/vNN.N`; `{name}` takes one segment, `{name*}` the rest.
    `kind` is the resource's name in the call log."""

    method: str
    template: str
    handler: Handler
    kind: str


@dataclass(frozen=True, slots=True)
class Found:
    """A route with the values of its variables."""

    handler: Handler
    variables: dict[str, str]
    kind: str

    def answer(self, request: Request) -> Answer:
        """Run the handler."""
        return self.handler(request, **self.variables)


ROUTES = (
    Route("GET", "", resources.resources, "resources"),
    Route("GET", "limits", allowances.limits, "limits"),
    Route("GET", "limits/recordCount", resources.record_count, "limits"),
    Route("GET", "query", query.query, "query"),
    Route("GET", "query/{locator}", query.more, "query"),
    Route("GET", "queryAll", query.query_all, "query"),
    Route("GET", "queryAll/{locator}", query.more, "query"),
    Route("GET", "tooling/query", query.tooling, "query"),
    Route("GET", "tooling/sobjects/SourceMember/describe", resources.untracked, "describe"),
    Route("GET", "sobjects", describe.global_describe, "describe"),
    Route("GET", "sobjects/{object}/describe", describe.describe, "describe"),
    Route("GET", "sobjects/{object}/updated", replication.updated, "replication"),
    Route("GET", "sobjects/{object}/deleted", replication.deleted, "replication"),
    Route("GET", "sobjects/{object}/listviews", recent.sub_resource, "sobjects"),
    Route("GET", "sobjects/{object}/listviews/{rest*}", recent.sub_resource, "sobjects"),
    Route("GET", "sobjects/{object}/describe/{rest*}", recent.sub_resource, "sobjects"),
    Route("GET", "sobjects/{object}/quickActions", recent.sub_resource, "sobjects"),
    Route("GET", "sobjects/{object}/quickActions/{rest*}", recent.sub_resource, "sobjects"),
    Route("GET", "recent", recent.recent, "recent"),
    Route("GET", "sobjects/User/{id}/password", passwords.expired, "password"),
    Route("POST", "sobjects/User/{id}/password", passwords.set_password, "password"),
    Route("DELETE", "sobjects/User/{id}/password", passwords.reset, "password"),
    Route("GET", "sobjects/{object}", describe.basic, "describe"),
    Route("POST", "sobjects/{object}", sobjects.create, "sobjects"),
    Route("GET", "sobjects/{object}/{id}", sobjects.get, "sobjects"),
    Route("PATCH", "sobjects/{object}/{id}", sobjects.update, "sobjects"),
    Route("DELETE", "sobjects/{object}/{id}", sobjects.delete, "sobjects"),
    Route("GET", "sobjects/{object}/{field}/{value*}", sobjects.get_by, "sobjects"),
    Route("POST", "sobjects/{object}/{field}", sobjects.create_by_id, "sobjects"),
    Route("PATCH", "sobjects/{object}/{field}/{value*}", sobjects.upsert, "sobjects"),
    Route("DELETE", "sobjects/{object}/{field}/{value*}", sobjects.delete_by, "sobjects"),
    Route("POST", "composite/sobjects", collections.create, "collections"),
    Route("PATCH", "composite/sobjects", collections.update, "collections"),
    Route("DELETE", "composite/sobjects", collections.delete, "collections"),
    Route("GET", "composite/sobjects/{object}", collections.retrieve, "collections"),
    Route("POST", "composite/sobjects/{object}", collections.retrieve, "collections"),
    Route("PATCH", "composite/sobjects/{object}/{field}", collections.upsert, "collections"),
    Route("GET", "composite", resources.composite_resources, "composite"),
    Route("POST", "composite", composite.composite, "composite"),
    Route("POST", "composite/batch", composite.batch, "composite"),
    Route("POST", "composite/tree/{object}", tree.tree, "composite"),
    Route("POST", "composite/graph", graph.graph, "composite"),
    Route("GET", "jobs/ingest", jobs.ingest_jobs, "bulk"),
    Route("POST", "jobs/ingest", jobs.create_ingest, "bulk"),
    Route("GET", "jobs/ingest/{id}", jobs.ingest_info, "bulk"),
    Route("PATCH", "jobs/ingest/{id}", jobs.change_ingest, "bulk"),
    Route("DELETE", "jobs/ingest/{id}", jobs.delete_ingest, "bulk"),
    Route("PUT", "jobs/ingest/{id}/batches", jobs.batches, "bulk"),
    Route("GET", "jobs/ingest/{id}/successfulResults", jobs.successful_results, "bulk"),
    Route("GET", "jobs/ingest/{id}/failedResults", jobs.failed_results, "bulk"),
    Route("GET", "jobs/ingest/{id}/unprocessedrecords", jobs.unprocessed_records, "bulk"),
    Route("GET", "jobs/query", jobs.query_jobs, "bulk"),
    Route("POST", "jobs/query", jobs.create_query, "bulk"),
    Route("GET", "jobs/query/{id}", jobs.query_info, "bulk"),
    Route("PATCH", "jobs/query/{id}", jobs.change_query, "bulk"),
    Route("DELETE", "jobs/query/{id}", jobs.delete_query, "bulk"),
    Route("GET", "jobs/query/{id}/results", jobs.query_results, "bulk"),
    Route("GET", "actions/standard", actions.listing, "actions"),
    Route("POST", "actions/standard/emailSimple", actions.email_simple, "actions"),
    Route(
        "POST",
        "actions/standard/invocableApplyLeadAssignmentRules",
        actions.apply_lead_rules,
        "actions",
    ),
    Route("POST", "connect/communities/{id}/publish", actions.publish, "connect"),
    Route("POST", "metadata/deployRequest", metadata.deploy, "metadata"),
    Route("GET", "metadata/deployRequest/{id}", metadata.status, "metadata"),
    Route("PATCH", "metadata/deployRequest/{id}", metadata.cancel, "metadata"),
)
NOT_IMITATED = (
    "tooling",
    "jobs",
    "search",
    "parameterizedSearch",
    "analytics",
    "async",
    "chatter",
    "connect",
    "wave",
    "ui-api",
    "graphql",
    "tabs",
    "theme",
    "quickActions",
    "process",
    "support",
    "apexrest",
    "event",
    "actions",
    "metadata",
    "composite",
    "sobjects",
    "appMenu",
    "async-queries",
    "compactLayouts",
    "commerce",
    "consent",
    "dedupe",
    "domino",
    "eclair",
    "einstein",
    "emailConnect",
    "eventSchema",
    "folders",
    "iot",
    "jsonxform",
    "knowledgeManagement",
    "licensing",
    "localizedvalue",
    "mobile",
    "nouns",
    "payments",
    "prechatForms",
    "productSchedules",
    "scheduling",
    "serviceTemplates",
    "smartdatadiscovery",
    "sobjectFieldRecommendations",
    "tokenizer",
)


def find(method: str, segments: list[str]) -> Found:
    """The route of a path below `/services/data/vNN.N`, given as raw (still quoted) segments.
    Raises Refusal: 405 for another method, 501 for what is known but not imitated, else 404."""
    others: list[str] = []
    for route, parts in _COMPILED:
        variables = _match(parts, segments)
        if variables is None:
            continue
        if route.method == method or (method == "HEAD" and route.method == "GET"):
            return Found(route.handler, variables, route.kind)
        others.append(route.method)
    if others:
        raise Refusal(
            405,
            "METHOD_NOT_ALLOWED",
            f"HTTP Method '{method}' not allowed. Allowed are {','.join(dict.fromkeys(others))}",
        )
    if segments and segments[0].lower() in {one.lower() for one in NOT_IMITATED}:
        raise not_imitated(f"the resource {method} /{'/'.join(map(unquote, segments))}")
    raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")


def _match(parts: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    variables: dict[str, str] = {}
    for place, part in enumerate(parts):
        if part.endswith("*}"):
            if place >= len(segments):
                return None
            variables[part[1:-2]] = unquote("/".join(segments[place:]))
            return variables
        if place >= len(segments):
            return None
        if part.startswith("{"):
            variables[part[1:-1]] = unquote(segments[place])
        elif part.lower() != segments[place].lower():
            return None
    return variables if len(segments) == len(parts) else None


_COMPILED = tuple(
    (route, tuple(part for part in route.template.split("/") if part)) for route in ROUTES
)
