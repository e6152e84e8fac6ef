"""`sfprm org`: the embedded org on its own, for any client in any language."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from sfprm.blocks import Text
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest, OrgUnreachable

app = typer.Typer(
    help="The embedded org: an imitation of Salesforce to work and test against.",
    no_args_is_help=True,
)

Address = Annotated[
    str,
    typer.Option("--org", help="Address of a running embedded org.", envvar="SFPRM_LOGIN_URL"),
]


@app.command()
def serve(
    http_port: Annotated[int, typer.Option(help="Port for HTTP; 0 takes a free one.")] = 8080,
    https_port: Annotated[int, typer.Option(help="Port for HTTPS; 0 takes a free one.")] = 8443,
    data: Annotated[
        Path | None, typer.Option(help="File that keeps the org; in memory without it.")
    ] = None,
    story: Annotated[
        str | None, typer.Option(help="Start with: demo, partners-ready or empty.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the story's generator.")] = 7,
    org: Annotated[
        list[str] | None,
        typer.Option(help="A further org of that name, on ports of its own (repeatable)."),
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Folder for the certificate authority and logs.")
    ] = Path(".sfprm/org"),
) -> None:
    """Serve the embedded org until stopped.

    Its addresses and key are printed as one JSON line on stdout; how clients get in, on stderr.
    """
    from sfprm.cli.embedded import serve_command

    arguments = ["--http-port", str(http_port), "--https-port", str(https_port)]
    arguments += ["--state", str(state), "--explain"]
    for name in org or []:
        arguments += ["--org", name]
    if data is not None:
        arguments += ["--data", str(data)]
    if story is not None:
        arguments += ["--seed-story", story, "--seed", str(seed)]
    state.mkdir(parents=True, exist_ok=True)
    run = serve_command(*arguments)
    os.execv(run[0], run)  # noqa: S606 - becomes the server, so that signals reach it


@command(app)
def seed(
    surface: Surface,
    org: Address,
    story: Annotated[str, typer.Argument(help="demo, partners-ready or empty.")] = "demo",
    number: Annotated[int, typer.Option("--seed", help="Seed of the generator.")] = 7,
    leads: Annotated[
        int, typer.Option(min=0, max=5_000_000, help="So many leads more than the story has.")
    ] = 0,
) -> None:
    """Start a story anew in a running embedded org (what was there is gone)."""
    _control(org, "POST", "reset")
    answer = _control(org, "POST", "seed", {"story": story, "seed": number})
    said = [f"The org tells the story {story!r} from the start."]
    if leads:
        more = _control(org, "POST", "seed", {"seed": number, "leads": leads}, wait=900)
        answer = {**answer, **more}
        said.append(f"{leads:,} leads were loaded.")
    surface.put((Text(tuple(said)),), answer)


@command(app)
def reset(surface: Surface, org: Address) -> None:
    """Empty a running embedded org."""
    answer = _control(org, "POST", "reset")
    surface.put((Text(("The org is empty.",)),), answer)


@command(app)
def snapshot(
    surface: Surface,
    org: Address,
    name: Annotated[str, typer.Argument(help="Name of the snapshot; an older one is replaced.")],
) -> None:
    """Keep a running embedded org as it is, records and time.

    In the server's memory; with --data FILE beside that file, where it survives a restart.
    """
    answer = _control(org, "POST", "snapshots", {"name": name})
    surface.put((Text((f"The org as it is was kept as {answer['name']!r}.",)),), answer)


@command(app)
def restore(
    surface: Surface,
    org: Address,
    name: Annotated[str, typer.Argument(help="Name of a snapshot.")],
) -> None:
    """Bring a running embedded org back to a snapshot; what came since is gone."""
    answer = _control(org, "POST", f"snapshots/{name}/restore")
    surface.put((Text((str(answer["done"]),)),), answer)


@command(app)
def fork(
    surface: Surface,
    org: Address,
    name: Annotated[str, typer.Argument(help="Name of the new org: a-z, 0-9 and -.")],
    snapshot_name: Annotated[
        str | None, typer.Option("--snapshot", help="As it was then; without it, as it is.")
    ] = None,
    own_id: Annotated[
        bool, typer.Option("--own-id", help="With an Organization id of its own.")
    ] = False,
) -> None:
    """Make a copy of a running embedded org, in memory, on ports of its own.

    It has the Organization id of its source, so that what was noted of that org is true in it.
    """
    wanted = {"name": name, "own_id": own_id}
    if snapshot_name is not None:
        answer = _control(org, "POST", f"snapshots/{snapshot_name}/fork", wanted)
    else:
        source = _control(org, "GET", "status")["org"]
        answer = _control(org, "POST", "orgs", {**wanted, "from": source})
    said = f"The org {answer['name']} answers at {answer['https']} and {answer['http']}."
    surface.put((Text((said,)),), answer)


@command(app)
def describe(
    surface: Surface,
    org: Address,
    files: Annotated[
        list[Path],
        typer.Argument(help="JSON files: what /sobjects/X/describe of a real org answered."),
    ],
) -> None:
    """Give a running embedded org the objects and fields that a real org has.

    Each file holds one answer of /services/data/vNN.0/sobjects/X/describe, or a list of them; the
    sf CLI writes one with: sf sobject describe --sobject Lead --json.
    """
    described: list[Any] = []
    for file in files:
        described += _described(file)
    answer = _control(org, "POST", "describes", described)
    said = [
        f"{one['object']}: {one['fields']} fields, {one['custom']} of them custom."
        for one in answer["loaded"]
    ]
    said += [f"{_dashed(name)} is on." for name, on in answer["switches"].items() if on]
    surface.put((Text(tuple(said)),), answer)


@command(app)
def switch(
    surface: Surface,
    org: Address,
    name: Annotated[
        str | None, typer.Argument(help="state-country-picklists or multicurrency.")
    ] = None,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether it is to be on.")] = True,
) -> None:
    """Show or turn what is switched in Setup, where no API of Salesforce reaches."""
    if name is None:
        answer = _control(org, "GET", "switches")
    else:
        answer = _control(org, "POST", "switches", {name.replace("-", "_"): on})
    said = tuple(f"{_dashed(one)} is {'on' if set_ else 'off'}." for one, set_ in answer.items())
    surface.put((Text(said),), answer)


@command(app)
def clock(
    surface: Surface,
    org: Address,
    advance: Annotated[float | None, typer.Option(help="Seconds to move on by.")] = None,
    set_to: Annotated[str | None, typer.Option("--set", help="Instant, ISO 8601.")] = None,
) -> None:
    """Show or move the org's clock."""
    if advance is not None and set_to is not None:
        raise BadRequest("give --advance or --set, not both.")
    if advance is not None:
        answer = _control(org, "POST", "clock", {"advance": advance})
    elif set_to is not None:
        answer = _control(org, "POST", "clock", {"set": set_to})
    else:
        answer = _control(org, "GET", "clock")
    surface.put((Text((json.dumps(answer),)),), answer)


@command(app)
def event(
    surface: Surface,
    org: Address,
    name: Annotated[str, typer.Argument(help="site-published, first-login, leads-arrive, …")],
    field: Annotated[
        list[str] | None, typer.Argument(help="key=value, for instance count=50 site='Partners'")
    ] = None,
) -> None:
    """Let something happen in the org that people would do by hand."""
    fields: dict[str, Any] = {}
    for pair in field or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise BadRequest(f"{pair!r} is not key=value.")
        fields[key] = int(value) if value.isdigit() else value
    answer = _control(org, "POST", "events", {"event": name, **fields})
    surface.put((Text((str(answer.get("done", answer)),)),), answer)


@command(app)
def outbox(surface: Surface, org: Address) -> None:
    """Every mail that the org has sent."""
    mails = _control(org, "GET", "outbox")
    lines = tuple(f"{m['at']}  {', '.join(m['to'])}  {m['subject']}" for m in mails)
    surface.put((Text(lines or ("No mail has been sent.",)),), mails)


@command(app)
def faults(
    surface: Surface,
    org: Address,
    kind: Annotated[
        str | None, typer.Argument(help="expired-session, 503, lock, drop-before, drop-after, slow")
    ] = None,
    path: Annotated[str, typer.Option(help="Regular expression over the path.")] = ".*",
    times: Annotated[int, typer.Option(help="How often.")] = 1,
    clear: Annotated[bool, typer.Option("--clear", help="Take all faults away.")] = False,
) -> None:
    """Let the org fail on demand."""
    if clear:
        answer = _control(org, "DELETE", "faults")
    elif kind is not None:
        answer = _control(org, "POST", "faults", {"kind": kind, "path": path, "times": times})
    else:
        raise BadRequest("name a kind of fault, or --clear.")
    surface.put((Text((json.dumps(answer),)),), answer)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _described(file: Path) -> list[Any]:
    """The describes in a file; what the sf CLI writes has them under `result`."""
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRequest(f"{file}: {error.strerror}.") from error
    except ValueError as error:
        raise BadRequest(
            f"{file} is not JSON: {error}.",
            hint="Keep the answer of /services/data/vNN.0/sobjects/X/describe as it is.",
        ) from error
    if isinstance(read, dict) and "fields" not in read and "result" in read:
        read = read["result"]
    return read if isinstance(read, list) else [read]


def _control(org: str, method: str, path: str, body: Any = None, wait: float = 60) -> Any:
    import requests

    try:
        answer = requests.request(method, f"{org}/_devorg/{path}", json=body, timeout=wait)
    except requests.RequestException:
        raise OrgUnreachable(
            f"no embedded org answers at {org}.", hint="Start one with `sfprm org serve`."
        ) from None
    if answer.status_code >= 400:
        raise BadRequest(f"the embedded org says: {answer.text.strip()}")
    try:
        return answer.json() if answer.content else {}
    except requests.JSONDecodeError:
        raise BadRequest(
            f"{org} is not an embedded org.",
            hint="Name the address that `sfprm org serve` printed.",
        ) from None
