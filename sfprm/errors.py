"""Every error that sfprm raises on purpose.

    SfprmError
    ├── BadRequest        2   fix the command, the settings or the files
    │   ├── BadFiles          a list of complaints, each with file and line
    │   └── BadSettings
    ├── NotReady          1   the org or the programme is not ready: what to do first
    ├── OrgRefused        1   the org said no: its code, its words, and the mend
    │   ├── LoginRefused
    │   ├── PermissionMissing
    │   └── RowRefused        one record of many
    ├── TryLater          1   limit, lock, time-out, another writer: the same command again later
    │   ├── OrgUnreachable
    │   ├── OutcomeUnknown    a write may or may not have happened
    │   ├── BudgetSpent
    │   ├── TimeSpent
    │   ├── AnotherWriter
    │   └── Replaced          thought dead, and another does this work now
    ├── PartlyDone       68   some rows failed; the error file names them
    ├── StillWorking     69   the org still works on our job at the time-out
    ├── Interrupted     130
    └── Bug              20   ours; please report

The number is the exit code. An error says what is wrong, where, and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

__all__ = [
    "AnotherWriter",
    "BadFiles",
    "BadRequest",
    "BadSettings",
    "BudgetSpent",
    "Bug",
    "Complaint",
    "Interrupted",
    "LoginRefused",
    "NotReady",
    "OrgRefused",
    "OrgUnreachable",
    "OutcomeUnknown",
    "PartlyDone",
    "PermissionMissing",
    "Replaced",
    "RowRefused",
    "SfprmError",
    "StillWorking",
    "TimeSpent",
    "TryLater",
]


class SfprmError(Exception):
    """Base of the tree. `hint` is the next step for the reader; never empty."""

    exit_code: ClassVar[int] = 1
    hint: str = "See the message above."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint

    @property
    def name(self) -> str:
        """The class name: the stable key for machines."""
        return type(self).__name__

    def __str__(self) -> str:
        return self.message


class BadRequest(SfprmError):
    """The command was asked wrongly."""

    exit_code = 2
    hint = "Correct the command; `--help` lists its options."


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong in a file. `line` and `column` start at 1; 0 means the whole file.

    `width` is how many characters of `excerpt` are marked, from `column` on.
    """

    file: str
    line: int
    message: str
    hint: str = ""
    column: int = 0
    excerpt: str = ""
    width: int = 1
    severity: Literal["error", "warning"] = "error"

    @property
    def where(self) -> str:
        """`file:line:column`, without the parts that are unknown."""
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)

    def lines(self) -> list[str]:
        """The complaint as it is shown: where and what, the line itself, what to write instead."""
        out = [f"{self.where}: {self.severity}: {self.message}"]
        if self.excerpt:
            out.append(f"{self.line:>5} | {self.excerpt}")
            if self.column:
                mark = "^" + "~" * (self.width - 1)
                out.append(f"      | {' ' * (self.column - 1)}{mark}")
        if self.hint:
            out.append(f"   {self.hint}")
        return out


class BadFiles(BadRequest):
    """Programme, routing or job files with errors: all of them, found in one run."""

    hint = "Mend the lines named above and run the command again. Nothing was sent to the org."

    def __init__(self, complaints: list[Complaint], *, hint: str | None = None) -> None:
        self.complaints = tuple(sorted(complaints, key=lambda c: (c.file, c.line, c.column)))
        count = len(self.complaints)
        shown = "\n".join(line for c in self.complaints for line in c.lines())
        noun = "error" if count == 1 else "errors"
        super().__init__(f"{shown}\n{count} {noun}.", hint=hint)


class BadSettings(BadRequest):
    """A setting is missing, unknown or of the wrong form."""

    hint = "Correct the environment or the .env file; `config/.env.example` explains each setting."


class NotReady(SfprmError):
    """Something must be done first."""

    hint = "Run `sfprm check` for the list of what is missing, each with its fix."


class OrgRefused(SfprmError):
    """The org refused. `code` is Salesforce's error code, empty when it gave none."""

    hint = "Correct the record or the org's set-up, then run the command again."

    def __init__(
        self, message: str, *, code: str = "", status: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


class LoginRefused(OrgRefused):
    """The org did not accept the credentials."""

    hint = "Check the login settings with `sfprm login`."


class PermissionMissing(OrgRefused):
    """The user that sfprm works as may not do this."""

    hint = "Assign the permission sets sfprm_setup and sfprm_run to the agent's user."


class RowRefused(OrgRefused):
    """One record of a batch was refused."""


class TryLater(SfprmError):
    """A passing condition: the same command again goes on where this one stopped."""

    hint = "Run the same command again; it goes on where this run stopped."


class OrgUnreachable(TryLater):
    """No answer from the org: name, port, TLS or network."""

    hint = "Check SFPRM_LOGIN_URL, the network and the certificate (SFPRM_CA_BUNDLE)."


class OutcomeUnknown(TryLater):
    """A write was sent and no answer came: it may have been done. It is never repeated blindly."""

    hint = "Run the same command again: it reads back what was done before it writes."


class BudgetSpent(TryLater):
    """The allowance of API calls set for sfprm is used up."""

    hint = "Wait for the allowance to come back, or raise SFPRM_CALL_BUDGET."


class TimeSpent(TryLater):
    """A run reached the limit of minutes that its job file sets."""

    hint = "The next run goes on from here; raise `limits: minutes` if that is too slow."


class Replaced(TryLater):
    """This process was silent for so long that another does its work now."""

    hint = "Nothing to do: the work goes on elsewhere. Look at the machine's load and its database."


class AnotherWriter(TryLater):
    """Another sfprm process is writing to this org."""

    hint = "Wait for it (--wait SECONDS), or stop it."


class PartlyDone(SfprmError):
    """Some rows were done and some failed."""

    exit_code = 68
    hint = "Mend the rows in the error file, then run the command again."


class StillWorking(SfprmError):
    """The org still works on our job at the time-out."""

    exit_code = 69
    hint = "Run the command again later: it picks the job up."


class Interrupted(SfprmError):
    """Stopped by a signal."""

    exit_code = 130
    hint = "Run the same command again; it goes on where this run stopped."


class Bug(SfprmError):
    """A mistake in sfprm itself."""

    exit_code = 20
    hint = "Please report it with the command and the log; nothing else was done after it."
