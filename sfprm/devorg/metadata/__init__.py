"""Metadata of the embedded org: deployments by REST and SOAP, retrieval and listing by SOAP."""

from __future__ import annotations

from sfprm.devorg.metadata.deployments import cancel, deploy, settle, status
from sfprm.devorg.metadata.soap import fault, invalid_session, session_id, soap

__all__ = [
    "cancel",
    "deploy",
    "fault",
    "invalid_session",
    "session_id",
    "settle",
    "soap",
    "status",
]
