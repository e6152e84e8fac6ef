"""The jobs there are, by name. A job file may name those in KNOWN_JOBS."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sfprm.jobs.frame import Job

__all__ = ["KNOWN_JOBS", "job_named"]

KNOWN_JOBS: dict[str, str] = {
    "provision": "sfprm.jobs.provision:ProvisionJob",
    "route": "sfprm.jobs.route:RouteJob",
    "recall": "sfprm.jobs.recall:RecallJob",
    "rules-pull": "sfprm.jobs.rules:PullJob",
    "rules-diff": "sfprm.jobs.rules:DiffJob",
    "rules-push": "sfprm.jobs.rules:PushJob",
    "report": "sfprm.jobs.report:ReportJob",
    "check": "sfprm.jobs.check:CheckJob",
    "backup": "sfprm.jobs.keep_state:BackupJob",
    "verify": "sfprm.jobs.keep_state:VerifyJob",
    "plan": "sfprm.jobs.plan:PlanJob",
    "invite": "sfprm.jobs.invite:InviteJob",
    "offboard": "sfprm.jobs.offboard:OffboardJob",
    "offboard-queue": "sfprm.jobs.offboard_queue:OffboardQueueJob",
    "reinstate": "sfprm.jobs.reinstate:ReinstateJob",
    "shadow": "sfprm.jobs.shadow:ShadowJob",
    "certificate": "sfprm.jobs.certificate:CertificateJob",
    "purge": "sfprm.jobs.journal:PurgeJob",
    "journal-export": "sfprm.jobs.journal:ExportJob",
}


def job_named(name: str) -> Job[Any, Any]:
    """The job of that name. Raises KeyError."""
    module, _, cls = KNOWN_JOBS[name].partition(":")
    job: Job[Any, Any] = getattr(import_module(module), cls)()
    return job
