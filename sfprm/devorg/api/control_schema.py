"""The part of the control API about what the org's objects look like.

- `POST describes`: what `GET /sobjects/X/describe` of a real org answered, or a list of such
  answers; the org then has those fields, all of them or none.
- `GET switches`; `POST switches {"state_country_picklists": true, "multicurrency": false}`: what is
  switched on in Setup, where no API reaches. Addresses written before keep their text; their codes
  come with the next write of the address."""

from __future__ import annotations

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.describes import SWITCHES, check_describe, load_describe

__all__ = ["load", "set_switches", "switches"]


def load(request: Request) -> Answer:
    """POST describes. Raises ValueError that says what is not a describe."""
    org, body = request.org, request.json()
    described = body if isinstance(body, list) else [body]
    if not described or not all(isinstance(one, dict) for one in described):
        raise ValueError("a describe, or a list of describes, is needed")
    for one in described:
        check_describe(org, one)
    loaded = []
    for one in described:
        definition = load_describe(org, one)
        custom = sum(1 for field in definition.fields if field.custom)
        fields = len(definition.fields)
        loaded.append({"object": definition.name, "fields": fields, "custom": custom})
    return Answer(body={"loaded": loaded, "switches": _switches(request)})


def switches(request: Request) -> Answer:
    """GET switches."""
    return Answer(body=_switches(request))


def set_switches(request: Request) -> Answer:
    """POST switches: those not named stay. Raises ValueError."""
    wanted = request.json_object()
    for name, value in wanted.items():
        if name not in SWITCHES or not isinstance(value, bool):
            raise ValueError(f"{name}: true or false for {' or '.join(sorted(SWITCHES))} is needed")
    for name, value in wanted.items():
        request.org.set_setting(name, value)
    return switches(request)


def _switches(request: Request) -> dict[str, bool]:
    return {name: bool(request.org.setting(name)) for name in sorted(SWITCHES)}
