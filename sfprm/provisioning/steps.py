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
    from sfprm.provisioning.difference import Flag, Ref

__all__ = [
    "KINDS",
    "PHASES",
    "AddMember",
    "ChangeOwner",
    "CreateAccount",
    "CreateGroup",
    "CreateQueue",
    "CreateUser",
    "DeactivateUser",
    "EnablePartner",
    "FreezeUser",
    "GrantPermissionSet",
    "MoveContact",
    "PlannedStep",
    "QueueForLead",
    "RemoveMember",
    "RevokePermissionSet",
    "UpdateAccount",
    "UpdateGroup",
    "UpdateQueue",
    "UpdateUser",
    "UpsertContact",
]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What every step says. `ref` names what it makes or changes, `needs` the refs of steps in
    the same plan that must be done first. `remember` goes to the store's applied values under
    (`object`, `key`) once it is done. `reason` says why the step is there, in words;
    `flags` how it is carried out."""

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
    reason: str = ""
    flags: frozenset[Flag] = frozenset()

    object: ClassVar[str] = ""
    phase: ClassVar[str] = ""
    danger: ClassVar[str] = "plain"
    moves_roles: ClassVar[bool] = False
    """Whether it makes or re-parents roles, or takes the lock that such steps need: never beside
    another request, and only in the windows given."""

    @property
    def kind(self) -> str:
        """The class name, as journalled."""
        return type(self).__name__

    @property
    def risk(self) -> str:
        """`irreversible`, `costly` or `plain`."""
        return self.danger


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


class ChangeOwner(PlannedStep):
    """Another owner for an existing account. By REST it drops the account team and its shares and
    leaves contacts with the old owner; it re-parents the partner's roles and collides with the
    making of any user [documented]. The flag KEEP_TEAM asks for the SOAP update with
    OwnerChangeOptions (rule 15)."""

    __slots__ = ()
    object = "Account"
    phase = "owners"
    danger = "costly"
    moves_roles = True


class EnablePartner(PlannedStep):
    """`IsPartner` set to true. Update only: the field may not be in an insert (facts sheet,
    section 2). Taking it back deletes the account's partner roles for ever."""

    __slots__ = ()
    object = "Account"
    phase = "enable"
    danger = "irreversible"


class UpsertContact(PlannedStep):
    """A contact, new or known: by upsert on the person key, or by Id when it has none yet."""

    __slots__ = ()
    object = "Contact"
    phase = "contacts"


class MoveContact(PlannedStep):
    """A contact with a partner user goes to another partner's account, and the user with it: at
    most 50 at a time, off hours [documented]. The records that the user owns stay theirs."""

    __slots__ = ()
    object = "Contact"
    phase = "moves"
    danger = "costly"
    moves_roles = True


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
    danger = "costly"


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


class RevokePermissionSet(PlannedStep):
    """A permission set taken from a user; `record_id` is the assignment's."""

    __slots__ = ()
    object = "PermissionSetAssignment"
    phase = "permission sets"


class GrantPermissionSet(PlannedStep):
    """A permission set assigned to a user."""

    __slots__ = ()
    object = "PermissionSetAssignment"
    phase = "permission sets"


class CreateGroup(PlannedStep):
    """A public group."""

    __slots__ = ()
    object = "Group"
    phase = "groups"


class UpdateGroup(PlannedStep):
    """The label of a public group."""

    __slots__ = ()
    object = "Group"
    phase = "groups"


class CreateQueue(PlannedStep):
    """A Group of type Queue."""

    __slots__ = ()
    object = "Group"
    phase = "queues"


class UpdateQueue(PlannedStep):
    """Label or notification of a queue."""

    __slots__ = ()
    object = "Group"
    phase = "queues"


class QueueForLead(PlannedStep):
    """The QueueSobject row that lets a queue own leads."""

    __slots__ = ()
    object = "QueueSobject"
    phase = "queues for leads"


class RemoveMember(PlannedStep):
    """A GroupMember row of a queue or public group deleted; `record_id` is the row's."""

    __slots__ = ()
    object = "GroupMember"
    phase = "members removed"


class AddMember(PlannedStep):
    """A GroupMember row of a queue or public group created."""

    __slots__ = ()
    object = "GroupMember"
    phase = "members"


PHASES: tuple[tuple[type[PlannedStep], ...], ...] = (
    (CreateAccount, UpdateAccount),
    (ChangeOwner,),
    (EnablePartner,),
    (UpsertContact,),
    (MoveContact,),
    (DeactivateUser,),
    (CreateUser, UpdateUser),
    (FreezeUser,),
    (RevokePermissionSet, GrantPermissionSet),
    (CreateGroup, UpdateGroup),
    (CreateQueue, UpdateQueue),
    (QueueForLead,),
    (RemoveMember,),
    (AddMember,),
)
"""In order. Setup objects (users, groups, members, assignments) never share a request with
accounts and contacts (MIXED_DML_OPERATION)."""

KINDS = {kind.__name__: kind for kinds in PHASES for kind in kinds}
"""Every kind of step by its name."""
