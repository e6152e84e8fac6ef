"""Connected apps: who may ask for tokens, and how. One app comes with the server and is kept in its
state directory; more are made by the control API and kept with the org.

`certificates` are PEM texts (X.509 or public keys); two at once allow a key to be changed without
a gap (operations.md, rule 32). `approved_by_admin` None: users approve the app themselves; else
only the users named, or those with a profile or permission set named, are let in [D]."""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfprm.devorg.kept import KeptMap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.devorg.org import Org

__all__ = ["Apps", "ConnectedApp", "OAuthError", "load_app"]


class OAuthError(Exception):
    """400 with OAuth's own object: `error` and `error_description`."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """One app. `run_as` is the user of the client credentials flow, by username. `rotate`: each
    refresh gives a new refresh token and voids the old one. `require_secret`: the refresh and
    web server and password flows need the secret. `admitted` matters under the org's API access
    control. `callbacks` are the addresses that the web server flow answers at."""

    client_id: str
    client_secret: str
    run_as: str | None
    name: str = "sfprm"
    certificates: tuple[str, ...] = ()
    approved_by_admin: tuple[str, ...] | None = None
    rotate: bool = False
    require_secret: bool = True
    admitted: bool = True
    callbacks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ConnectedApp(client_id={self.client_id!r}, run_as={self.run_as!r})"

    def check_secret(self, secret: str) -> None:
        """Raises OAuthError with the text that the org really sends [R]."""
        if not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            raise OAuthError("invalid_client", "invalid client credentials")

    def as_json(self) -> dict[str, Any]:
        """For the control API: all but the secret."""
        shown = asdict(self)
        del shown["client_secret"]
        shown["certificates"] = len(self.certificates)
        return shown


CLI = ConnectedApp(
    "PlatformCLI",
    "",
    None,
    name="Salesforce CLI",
    require_secret=False,
    callbacks=("http://localhost:1717/OauthRedirect",),
)
"""The app of the sf CLI, which every org has [M]."""


class Apps:
    """The apps of one org, by consumer key."""

    def __init__(self, org: Org, first: ConnectedApp) -> None:
        self._org = org
        self._given = first
        self._kept = KeptMap(org.storage, "app")
        self._refresh = KeptMap(org.storage, "refresh")
        self._approved = KeptMap(org.storage, "approved")

    @property
    def _first(self) -> ConnectedApp:
        return replace(self._given, run_as=f"{self._given.run_as}{self._org.suffix}")

    def find(self, client_id: str) -> ConnectedApp:
        """The app with this key. Raises OAuthError."""
        kept = self._kept.get(client_id)
        if kept is not None:
            return _app(kept)
        if hmac.compare_digest(client_id.encode(), self._first.client_id.encode()):
            return self._first
        if client_id == CLI.client_id:
            return CLI
        raise OAuthError("invalid_client_id", "client identifier invalid")

    def all(self) -> list[ConnectedApp]:
        """Every app, the server's own first."""
        kept = [_app(value) for value in self._kept.items().values()]
        own = next((one for one in kept if one.client_id == self._first.client_id), self._first)
        return [own, *(one for one in kept if one.client_id != own.client_id)]

    def put(self, wanted: Mapping[str, Any]) -> ConnectedApp:
        """Make or change an app from the control API's JSON. Raises ValueError."""
        known = {*ConnectedApp.__dataclass_fields__, "certificate"}
        unknown = set(wanted) - known
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        values = dict(wanted)
        client_id = str(values.pop("client_id", "") or f"3MVG9{secrets.token_hex(30)}")
        try:
            app = self.find(client_id)
        except OAuthError:
            app = ConnectedApp(client_id, secrets.token_hex(32).upper(), None, "app")
        if "certificate" in values:
            values["certificates"] = [values.pop("certificate")]
        for key in ("certificates", "approved_by_admin", "callbacks"):
            if values.get(key) is not None:
                values[key] = tuple(str(one) for one in values[key])
        app = replace(app, **values)
        self._kept.put(client_id, asdict(app))
        return app

    # What users have approved

    def approve(self, app: ConnectedApp, user_id: str) -> str:
        """A user lets the app in; a refresh token."""
        self._approved.put(f"{app.client_id}:{user_id}", True)
        token = f"5Aep861{secrets.token_hex(40)}"
        self._refresh.put(token, {"client": app.client_id, "user": user_id})
        return token

    def approved(self, app: ConnectedApp, user: Mapping[str, Any]) -> bool:
        """The user, or an administrator for the user, has let the app in."""
        if app.approved_by_admin is None:
            return bool(self._approved.get(f"{app.client_id}:{user['Id']}", False))
        return self.admits(app, user)

    def admits(self, app: ConnectedApp, user: Mapping[str, Any]) -> bool:
        """The app's policy does not shut the user out."""
        if app.approved_by_admin is None:
            return True
        storage = self._org.storage
        names = {str(user["Username"])}
        profile = storage.get("Profile", str(user.get("ProfileId"))) or {}
        names.add(str(profile.get("Name")))
        for one in storage.find("PermissionSetAssignment", AssigneeId=user["Id"]):
            row = storage.get("PermissionSet", str(one["PermissionSetId"])) or {}
            names |= {str(row.get("Name")), str(row.get("Label"))}
        return bool(names & set(app.approved_by_admin))

    def refresh(self, app: ConnectedApp, token: str) -> tuple[str, str | None]:
        """(user id, new refresh token or None) for a refresh token. Raises OAuthError."""
        found = self._refresh.get(token) if token else None
        if found is None or found["client"] != app.client_id:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        user_id = str(found["user"])
        if not app.rotate:
            return user_id, None
        self._refresh.remove(token)
        return user_id, self.approve(app, user_id)

    def revoke(self, token: str) -> tuple[str, str] | None:
        """Void a refresh token; (user id, client id) that it was for, None when it is none."""
        found = self._refresh.get(token) if token else None
        if found is None:
            return None
        self._refresh.remove(token)
        self._approved.remove(f"{found['client']}:{found['user']}")
        return str(found["user"]), str(found["client"])


def _app(kept: Mapping[str, Any]) -> ConnectedApp:
    values = dict(kept)
    for key in ("certificates", "callbacks"):
        values[key] = tuple(values.get(key, ()))
    if values["approved_by_admin"] is not None:
        values["approved_by_admin"] = tuple(values["approved_by_admin"])
    return ConnectedApp(**values)


def load_app(state_dir: Path, run_as: str) -> ConnectedApp:
    """The app kept in the state directory, made on the first start (file mode 600), so that a
    restarted org knows its clients."""
    path = state_dir / "connected-app.json"
    if path.exists():
        kept = json.loads(path.read_text("utf-8"))
        return ConnectedApp(kept["client_id"], kept["client_secret"], run_as)
    app = ConnectedApp(f"3MVG9{secrets.token_hex(30)}", secrets.token_hex(32).upper(), run_as)
    path.touch(mode=0o600)
    path.write_text(json.dumps({"client_id": app.client_id, "client_secret": app.client_secret}))
    return app
