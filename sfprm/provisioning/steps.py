"""One small frozen class a kind of step. A plan is a tuple of them; apply runs just these.

`before` are the field values expected, `after` those left. An id that another step of the plan
will make stands in `links` as a Ref.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue
    from sfprm.provisioning.difference import Ref

__all__ = [
    "PHASES",
    "AddQueueMember",
    "CreateAccount",
    "CreateQueue",
    "CreateUser",
    "DeactivateUser",
    "EnablePartner",
    "FreezeUser",
    "PlannedStep",
    "QueueForLead",
    "RemoveQueueMember",
    "UpdateAccount",
    "UpdateQueue",
    "UpdateUser",
    "UpsertContact",
]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What every step says. `ref` names what it makes or changes, `needs` the refs of steps in
    the same plan that must be done first. `remember` goes to the store's applied values under
    (`object`, `key`) once it is done."""

    key: str
    label: str
    owner: str
    ref: Ref
    after: Mapping[str, FieldValue]
    before: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))
    record_id: RecordId | None = None
    links: Mapping[str, Ref] = field(default_factory=lambda: MappingProxyType({}))
    needs: tuple[Ref, ...] = ()
    remember: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))

    object: ClassVar[str] = ""
    phase: ClassVar[str] = ""
    risk: ClassVar[str] = "plain"

    @property
    def kind(self) -> str:
        """The class name, as journalled."""
        return type(self).__name__


class CreateAccount(PlannedStep):
    """A new account, by upsert on the partner key: safe to repeat."""

    __slots__ = ()
    object = "Account"
    phase = "accounts"


class UpdateAccount(PlannedStep):
    """An existing account, by Id: this is also how a matched account gets its key."""

    __slots__ = ()
    object = "Account"
    phase = "accounts"


class EnablePartner(PlannedStep):
    """`IsPartner` set to true. Update only: the field may not be in an insert (facts sheet,
    section 2). Taking it back deletes the account's partner roles for ever."""

    __slots__ = ()
    object = "Account"
    phase = "enable"
    risk = "irreversible"


class UpsertContact(PlannedStep):
    """A contact, new or known, by upsert on the person key."""

    __slots__ = ()
    object = "Contact"
    phase = "contacts"


class DeactivateUser(PlannedStep):
    """A leaver's user set inactive; before creations, since it frees a seat."""

    __slots__ = ()
    object = "User"
    phase = "leavers"


class CreateUser(PlannedStep):
    """A partner user on a contact. Never a second one: identity is the ContactId."""

    __slots__ = ()
    object = "User"
    phase = "users"
    risk = "costly"


class UpdateUser(PlannedStep):
    """Fields of an existing partner user; also how one is made active again."""

    __slots__ = ()
    object = "User"
    phase = "users"


class FreezeUser(PlannedStep):
    """`UserLogin.IsFrozen` of a user set or cleared. The seat stays taken."""

    __slots__ = ()
    object = "UserLogin"
    phase = "freezes"


class CreateQueue(PlannedStep):
    """A Group of type Queue."""

    __slots__ = ()
    object = "Group"
    phase = "queues"


class UpdateQueue(PlannedStep):
    """Label or notification address of a queue."""

    __slots__ = ()
    object = "Group"
    phase = "queues"


class QueueForLead(PlannedStep):
    """The QueueSobject row that lets a queue own leads."""

    __slots__ = ()
    object = "QueueSobject"
    phase = "queues for leads"


class RemoveQueueMember(PlannedStep):
    """A GroupMember row deleted; `record_id` is the row's."""

    __slots__ = ()
    object = "GroupMember"
    phase = "members removed"


class AddQueueMember(PlannedStep):
    """A GroupMember row created."""

    __slots__ = ()
    object = "GroupMember"
    phase = "members"


PHASES: tuple[tuple[type[PlannedStep], ...], ...] = (
    (CreateAccount, UpdateAccount),
    (EnablePartner,),
    (UpsertContact,),
    (DeactivateUser,),
    (CreateUser, UpdateUser),
    (FreezeUser,),
    (CreateQueue, UpdateQueue),
    (QueueForLead,),
    (RemoveQueueMember,),
    (AddQueueMember,),
)
"""In order. Setup objects (users, queues, members) never share a request with accounts and
contacts (MIXED_DML_OPERATION)."""
