"""Every setting of sfprm, in one place.

Read from the environment (`SFPRM_*`), then from an env file (`--env-file`, else
`SFPRM_ENV_FILE`, else `.env` in the working directory), then the default. A secret `X` may be
given as `X_FILE`, the path of a file that holds it. Unknown `SFPRM_*` keys are refused.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from sfprm.errors import BadSettings

__all__ = ["Settings", "load_settings"]

PREFIX = "SFPRM_"
TEST_PREFIX = "SFPRM_TEST_"
SECRETS = (
    "client_secret",
    "access_token",
    "password",
    "security_token",
    "private_key",
    "next_private_key",
    "refresh_token",
    "sfdx_auth_url",
    "smtp_password",
    "webhooks",
)

MailGuard = Literal["sink", "allow-listed", "off"]
LoginFlow = Literal[
    "auto",
    "client-credentials",
    "jwt",
    "refresh-token",
    "password",
    "soap",
    "access-token",
    "sf-cli",
]


class Settings(BaseSettings):
    """All settings; each one's description is printed in `config/.env.example`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    # where the org is and how to log in
    login_url: str = Field(
        "https://login.salesforce.com",
        description="Where to log in: login.salesforce.com, test.salesforce.com, your My Domain, "
        "or the embedded org's address. http:// is accepted for loopback only.",
    )
    login_flow: LoginFlow = Field(
        "auto",
        description="How to log in: client-credentials, jwt, refresh-token, password, soap, "
        "access-token, sf-cli. auto: by what is set below, in this order: access token, private "
        "key, refresh token, sf login, client secret; password and soap only when named here.",
    )
    client_id: str | None = Field(
        None, description="Consumer key of the External Client App that sfprm logs in with."
    )
    client_secret: SecretStr | None = Field(
        None,
        description="Consumer secret, for the client-credentials flow (My Domain login URL).",
    )
    username: str | None = Field(
        None, description="User to log in as, for the flows jwt, password and soap."
    )
    private_key: SecretStr | None = Field(
        None,
        description="RSA private key (PEM) of the certificate in the app, for the jwt flow. "
        "Better as a file.",
    )
    next_private_key: SecretStr | None = Field(
        None,
        description="A second key while keys are changed: tried when the org does not take the "
        "first.",
    )
    jwt_audience: str | None = Field(
        None,
        description="Audience of the jwt flow. Default by login URL: https://test.salesforce.com "
        "for sandboxes and scratch orgs, else https://login.salesforce.com.",
    )
    refresh_token: SecretStr | None = Field(
        None, description="Refresh token of the app, for the refresh-token flow."
    )
    sfdx_auth_url: SecretStr | None = Field(
        None,
        description="force://client:secret:refresh-token@host, as `sf org auth show-sfdx-auth-url` "
        "prints it; stands for login URL, client id, client secret and refresh token.",
    )
    password: SecretStr | None = Field(
        None, description="Password, for the flows password and soap (both: better not)."
    )
    security_token: SecretStr | None = Field(
        None, description="Security token that Salesforce mailed; it is appended to the password."
    )
    sf_org: str | None = Field(
        None,
        description="Alias or username of an org that the sf CLI is logged in to; sfprm then asks "
        "`sf` for the login. Needs the sf CLI on this machine.",
    )
    sf_binary: str = Field("sf", description="The sf CLI, when it is not found as `sf`.")
    access_token: SecretStr | None = Field(
        None, description="A ready access token; needs SFPRM_INSTANCE_URL. For short tests."
    )
    instance_url: str | None = Field(
        None, description="Address of the org that SFPRM_ACCESS_TOKEN is for."
    )
    api_version: str | None = Field(
        None, description="REST API version such as 66.0. Default: the newest that the org lists."
    )
    ca_bundle: Path | None = Field(
        None,
        description="PEM file of a certificate authority to trust besides the system's; the "
        "embedded org writes one.",
    )

    # manners
    connect_timeout: float = Field(10.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(
        120.0, gt=0, description="Seconds to wait for an answer to one call."
    )
    deadline: float = Field(
        300.0,
        gt=0,
        description="Seconds after which a call that keeps failing is not tried again.",
    )
    max_in_flight: int = Field(
        8,
        ge=1,
        le=16,
        description="Most calls at the same time. Fewer while the org answers with locks or "
        "limits; the org itself allows 25 long ones, a developer edition 5.",
    )
    call_budget: int | None = Field(
        None, ge=1, description="Most API calls that one run may make. Default: no limit of ours."
    )
    call_share_of_day: float = Field(
        0.95,
        gt=0,
        le=1,
        description="Share of the org's daily API calls at which sfprm stops, whoever used them: "
        "the rest is left to others. It slows down before that.",
    )
    call_share_of_left: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the calls left at a run's start that this run may use.",
    )

    # several machines (PostgreSQL)
    take_over_seconds: float = Field(
        10.0,
        ge=1,
        le=3600,
        description="Seconds of silence after which another worker takes a run over. No request "
        "waits longer than 0.6 of it for its answer.",
    )
    calls_in_flight: int = Field(
        8,
        ge=1,
        le=64,
        description="Most calls to one org at the same time, over all machines that share the "
        "state.",
    )

    # files and state
    programme: Path = Field(
        Path("config"),
        description="Folder that holds programme.yaml and routing.yaml.",
    )
    environment: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]*$",
        description="Name of the overlay to lay over the programme's files: sandbox for "
        "overlays/sandbox.yaml. Default: none.",
    )
    jobs: Path = Field(Path("jobs"), description="Folder that holds the daemon's job files.")
    orgs: Path = Field(
        Path("orgs"),
        description="Folder of env files, one for each further org: orgs/emea.env is the org that "
        "a job file names by `org: emea`.",
    )
    state_dir: Path = Field(
        Path(".sfprm"), description="Folder for the state database, locks and run reports."
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the state database. Default: SQLite in the state folder. "
        "PostgreSQL: postgresql+psycopg://user@host/name (needs sfprm[postgres]).",
    )

    # the daemon
    health: str = Field(
        "127.0.0.1:9464",
        description="Where the daemon and workers answer /livez, /readyz and /metrics: host:port "
        "(port 0: any that is free), or off.",
    )

    # mail
    mail_guard: MailGuard = Field(
        "sink",
        description="What happens to addresses in an org that is not production: sink (all go to "
        "SFPRM_MAIL_SINK), allow-listed (SFPRM_MAIL_ALLOW passes, the rest goes to the sink), off. "
        "Production orgs are named in SFPRM_PRODUCTION_ORGS; the embedded org is its own sink.",
    )
    mail_sink: str = Field(
        "sink@example.com", description="Address that takes mail which must not go out."
    )
    mail_allow: tuple[str, ...] = Field(
        (), description='Addresses or domains let through, as JSON: ["example.com", "a@b.org"].'
    )
    production_orgs: tuple[str, ...] = Field(
        (), description='18-character ids of production orgs, as JSON: ["00D…"].'
    )

    # mail and messages that sfprm sends itself (alerts)
    smtp_host: str | None = Field(None, description="Mail server for what sfprm sends itself.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is made safe: starttls, tls, or none."
    )
    smtp_from: str | None = Field(None, description="Sender of the mail that sfprm sends itself.")
    smtp_user: str | None = Field(None, description="Login of the mail server, where it asks.")
    smtp_password: SecretStr | None = Field(None, description="Its password; better as a file.")
    webhooks: SecretStr | None = Field(
        None,
        description="Addresses for notices with `via: webhook`, by name, as JSON: "
        '{"channel-team": "https://hooks.slack.com/services/…"}.',
    )
    mails_per_run: int = Field(
        50, ge=0, le=5_000, description="Most notices that one run sends; the rest is reported."
    )
    disk_reserve_mb: int = Field(
        64,
        ge=0,
        description="Free megabytes on the state's disk below which nothing is written to the org: "
        "what cannot be journalled is not done.",
    )

    # logs
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log event that is written (to stderr)."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="json: one object a line; text: for people; auto: text on a terminal."
    )
    traces: Literal["off", "otlp"] = Field(
        "off",
        description="otlp: a span for each run and call goes to OpenTelemetry, which is told where "
        "to by its own variables (OTEL_EXPORTER_OTLP_ENDPOINT); needs sfprm[otel].",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values come from `load_settings` alone, which has read environment and env file."""
        return (init_settings,)

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.state_dir / 'state.db'}"


def load_settings(
    env: dict[str, str] | None = None,
    env_file: Path | None = None,
    **overrides: Any,
) -> Settings:
    """The settings in force: overrides, then environment, then the env file, then defaults.

    Raises BadSettings for an unknown key, a wrong value or a missing file; no secret is quoted.
    """
    environment = dict(os.environ) if env is None else env
    found: dict[str, tuple[str, str]] = {}
    path = env_file or (
        Path(environment["SFPRM_ENV_FILE"]) if "SFPRM_ENV_FILE" in environment else None
    )
    if path is not None and not path.is_file():
        raise BadSettings(
            f"{path}: no such env file.", hint="Correct --env-file or SFPRM_ENV_FILE."
        )
    if path is None and env is None and Path(".env").is_file():
        path = Path(".env")
    if path is not None:
        for key, value in dotenv_values(path).items():
            found[key.upper()] = (value or "", str(path))
    for key, value in environment.items():
        found[key.upper()] = (value, "the environment")
    return _build(found, {k: v for k, v in overrides.items() if v is not None})


def _build(found: dict[str, tuple[str, str]], overrides: dict[str, Any]) -> Settings:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, (value, source) in found.items():
        if not key.startswith(PREFIX) or key.startswith(TEST_PREFIX) or key == "SFPRM_ENV_FILE":
            continue
        name = key.removeprefix(PREFIX).lower()
        if name.endswith("_file") and name.removesuffix("_file") in SECRETS:
            name, value = name.removesuffix("_file"), _secret_from(Path(value), key)
        if name not in Settings.model_fields:
            raise BadSettings(f"{source}: unknown setting {key}.", hint=_nearest(name))
        if value == "":
            continue
        values[name] = _parsed(name, value, key, source)
        sources[name] = f"{source}: {key}"
    values.update(overrides)
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        where = sources.get(name, f"--{name.replace('_', '-')}")
        raise BadSettings(f"{where}: {first['msg']}.") from None


def _parsed(name: str, value: str, key: str, source: str) -> Any:
    if name not in ("mail_allow", "production_orgs"):
        return value
    import json

    try:
        return tuple(json.loads(value))
    except (ValueError, TypeError):
        raise BadSettings(
            f"{source}: {key} is not a JSON list.", hint='Write it as ["one", "two"].'
        ) from None


def _nearest(name: str) -> str:
    close = get_close_matches(name, list(Settings.model_fields), n=1)
    if close:
        return f"Did you mean {PREFIX}{close[0].upper()}?"
    return "`config/.env.example` lists every setting."


def _secret_from(path: Path, key: str) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadSettings(f"{key}: {path}: {error.strerror}.") from None
    if mode & 0o077:
        raise BadSettings(f"{key}: {path} can be read by others.", hint=f"Run: chmod 600 {path}")
    return text
