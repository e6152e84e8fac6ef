"""The part of the control API about whole orgs: further ones, snapshots, forks.

- `GET orgs`; `POST orgs {"name", "story", "seed"}`; `POST orgs {"name", "from": ORG}` forks an org
  as it is; `DELETE orgs/NAME`. A fork has the Organization id of its source, so that what clients
  noted of the org is true in it; with `"own_id": true` it gets one of its own.
- `GET snapshots`; `POST snapshots {"name"}` of the org that is asked; `POST snapshots/NAME/restore`
  brings that org back to it; `POST snapshots/NAME/fork {"name"}`; `DELETE snapshots/NAME`.

Snapshots are kept in memory, or as files beside the data file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sfprm.devorg.api.exchange import Answer, Request

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.orgs import Orgs

__all__ = ["add_org", "add_snapshot", "below", "orgs", "snapshots"]

Handler = Callable[[Request], Answer]


def orgs(request: Request) -> Answer:
    """GET orgs."""
    return Answer(body=[_shown(org) for org in _all(request).all()])


def add_org(request: Request) -> Answer:
    """POST orgs: a new one, or a fork of one as it is."""
    body, all_ = request.json_object(), _all(request)
    name = str(body["name"])
    if "from" in body:
        source = all_.find(str(body["from"]))
        return Answer(body=_shown(all_.fork(source, name, own_id=_own_id(body))))
    return Answer(body=_shown(all_.open(name, story=body.get("story"), seed=body.get("seed", 7))))


def snapshots(request: Request) -> Answer:
    """GET snapshots."""
    return Answer(
        body=[
            {"name": one.name, "at": one.at.isoformat(), "org": one.org}
            for one in _all(request).snapshots.all()
        ]
    )


def add_snapshot(request: Request) -> Answer:
    """POST snapshots {"name"}: of this org, as it is; an older one of that name is replaced."""
    body = request.json_object() if request.body else {}
    kept = _all(request).snapshots.keep(request.org, str(body.get("name") or ""))
    return Answer(body={"name": kept.name, "at": kept.at.isoformat(), "org": kept.org})


def below(path: str) -> dict[str, Handler] | None:
    """The handlers of `orgs/NAME`, `snapshots/NAME`, `snapshots/NAME/restore` and `…/fork`."""
    parts = path.split("/")
    if len(parts) == 2 and parts[0] == "orgs":
        return {"DELETE": partial(_close, name=parts[1])}
    if len(parts) == 2 and parts[0] == "snapshots":
        return {"DELETE": partial(_drop, name=parts[1])}
    if len(parts) == 3 and parts[0] == "snapshots":
        handlers: dict[str, Any] = {"restore": _restore, "fork": _fork}
        if parts[2] in handlers:
            return {"POST": partial(handlers[parts[2]], name=parts[1])}
    return None


def _close(request: Request, name: str) -> Answer:
    _all(request).close(name)
    return Answer(body={"done": f"The org {name} was closed."})


def _drop(request: Request, name: str) -> Answer:
    _all(request).snapshots.drop(name)
    return Answer(body={"done": f"The snapshot {name} was dropped."})


def _restore(request: Request, name: str) -> Answer:
    _all(request).restore(request.org, name)
    return Answer(body={"done": f"The org is as it was at the snapshot {name}."})


def _fork(request: Request, name: str) -> Answer:
    body, all_ = request.json_object(), _all(request)
    return Answer(
        body=_shown(
            all_.fork(
                request.org, str(body["name"]), all_.snapshots.find(name), own_id=_own_id(body)
            )
        )
    )


def _own_id(body: dict[str, Any]) -> bool:
    return body.get("own_id") is True


def _all(request: Request) -> Orgs:
    neighbours = request.org.neighbours
    if neighbours is None:
        raise LookupError("this org stands alone")
    return neighbours


def _shown(org: Org) -> dict[str, Any]:
    return {
        "name": org.name,
        "http": org.http_url,
        "https": org.instance_url,
        "organization": org.organization.get("Id"),
        "username": org.agent_username,
    }
