"""/composite/graph: up to 75 graphs of sObject requests, each all or nothing by itself.

At most 500 nodes a payload, references 15 deep, 15 different nodes a graph (method and object);
when more than 14 graphs have failed the rest is PROCESSING_HALTED [D]. A node runs after those it
refers to, whatever their order; the answer keeps the order of the request (unverified). The codes
of refused payloads are unverified."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sfprm.devorg.api.composite import check_names, halted, together
from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.problems import Refusal

__all__ = ["graph"]

MAX_GRAPHS = 75
MAX_NODES = 500
MAX_DEPTH = 15
MAX_KINDS = 15
MAX_FAILED = 14
_ROW = re.compile(r"/services/data/v(\d+\.\d)/sobjects/([^/?]+)(?:[/?].*)?", re.IGNORECASE)
_REFERENCE = re.compile(r"@\{(\w+)")

Part = Mapping[str, Any]


def graph(request: Request) -> Answer:
    """POST /composite/graph: 200, each graph with its own outcome."""
    graphs = _checked(request.json_object().get("graphs"))
    ordered = [_in_order(one["compositeRequest"]) for one in graphs]
    failed = 0
    answers = []
    for one, parts in zip(graphs, ordered, strict=True):
        if failed > MAX_FAILED:
            results = [halted(part) for part in parts]
        else:
            results = together(request, parts, all_or_none=True)
        good = all(result["httpStatusCode"] < 300 for result in results)
        failed += not good
        by_name = {result["referenceId"]: result for result in results}
        in_order = [by_name[part["referenceId"]] for part in one["compositeRequest"]]
        answers.append(
            {
                "graphId": one["graphId"],
                "graphResponse": {"compositeResponse": in_order},
                "isSuccessful": good,
            }
        )
    return Answer(body={"graphs": answers})


def _checked(graphs: Any) -> list[dict[str, Any]]:
    if not isinstance(graphs, list) or not graphs or not all(isinstance(g, dict) for g in graphs):
        raise Refusal(400, "INVALID_INPUT", "graphs must be a list of objects")
    if len(graphs) > MAX_GRAPHS:
        raise Refusal(400, "LIMIT_EXCEEDED", f"At most {MAX_GRAPHS} graphs are allowed")
    ids = [one.get("graphId") for one in graphs]
    if not all(isinstance(id_, str) and id_ for id_ in ids) or len(set(ids)) != len(ids):
        raise Refusal(400, "INVALID_INPUT", "Every graph needs a graphId of its own")
    nodes = 0
    for one in graphs:
        parts = one.get("compositeRequest")
        if not isinstance(parts, list) or not parts or not all(isinstance(p, dict) for p in parts):
            raise Refusal(400, "INVALID_INPUT", "compositeRequest must be a list of objects")
        check_names(parts)
        nodes += len(parts)
        kinds = {_kind(part) for part in parts}
        if len(kinds) > MAX_KINDS:
            raise Refusal(400, "LIMIT_EXCEEDED", f"At most {MAX_KINDS} different nodes a graph")
    if nodes > MAX_NODES:
        raise Refusal(400, "LIMIT_EXCEEDED", f"At most {MAX_NODES} nodes are allowed")
    return graphs


def _kind(part: Part) -> tuple[str, str, str]:
    """(version, method, object) of a node. Raises Refusal for what is no sObject request."""
    match = _ROW.fullmatch(str(part.get("url")))
    method = str(part.get("method")).upper()
    if match is None or method not in {"GET", "POST", "PATCH", "DELETE"}:
        raise Refusal(
            400, "INVALID_INPUT", f"{part['referenceId']}: graphs take requests on sObjects only"
        )
    return match[1], method, match[2].lower()


def _in_order(parts: Sequence[Part]) -> list[Part]:
    """The parts of a graph, each after those it refers to. Raises Refusal for circles and for
    references too deep."""
    names = {str(part["referenceId"]) for part in parts}
    needs = {str(part["referenceId"]): _references(part) & names for part in parts}
    done: set[str] = set()
    ordered: list[Part] = []
    depth = 0
    while len(ordered) < len(parts):
        ready = [
            part
            for part in parts
            if part["referenceId"] not in done and needs[str(part["referenceId"])] <= done
        ]
        depth += 1
        if not ready:
            raise Refusal(400, "INVALID_INPUT", "The references of a graph go in a circle")
        if depth > MAX_DEPTH:
            raise Refusal(400, "LIMIT_EXCEEDED", f"A graph is at most {MAX_DEPTH} deep")
        ordered += ready
        done |= {str(part["referenceId"]) for part in ready}
    return ordered


def _references(part: Part) -> set[str]:
    text = orjson.dumps([part.get("url"), part.get("body")]).decode()
    return set(_REFERENCE.findall(text))
