"""The rules of Salesforce's that the org imitates, one file each, in the order in which they run.
Each file's docstring names its source, and says `unverified` where only memory speaks."""

from __future__ import annotations

from functools import cache

from sfprm.devorg.behaviours.approval_locks import ApprovalLocks
from sfprm.devorg.behaviours.assignment_rules import AssignmentRules
from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.behaviours.contention import GroupLocks, RowLocks, SlowUsers
from sfprm.devorg.behaviours.duplicates import Duplicates
from sfprm.devorg.behaviours.external_profiles import ExternalProfiles
from sfprm.devorg.behaviours.flows import AfterSaveFlows, BeforeSaveFlows
from sfprm.devorg.behaviours.held_users import HeldUsers
from sfprm.devorg.behaviours.history import History
from sfprm.devorg.behaviours.leads import LeadOwners, Leads
from sfprm.devorg.behaviours.licences import Licences
from sfprm.devorg.behaviours.partner_accounts import PartnerAccounts
from sfprm.devorg.behaviours.partner_roles import PartnerRoles
from sfprm.devorg.behaviours.partner_users import PartnerUsers
from sfprm.devorg.behaviours.portal_contacts import PortalContacts
from sfprm.devorg.behaviours.portal_owners import PortalOwners
from sfprm.devorg.behaviours.queues import Groups, Members, QueueObjects
from sfprm.devorg.behaviours.record_owners import RecordOwners
from sfprm.devorg.behaviours.setup_access import SetupAccess
from sfprm.devorg.behaviours.sites import MemberGroups, PermissionSetMembers, Sites, SiteUsers
from sfprm.devorg.behaviours.state_country import StateCountry
from sfprm.devorg.behaviours.storage_limit import StorageLimit
from sfprm.devorg.behaviours.triggers import Triggers
from sfprm.devorg.behaviours.user_life import UserLife
from sfprm.devorg.behaviours.usernames import Usernames
from sfprm.devorg.behaviours.validation_rules import ValidationRules

__all__ = ["ALL", "Behaviour", "behaviours_for"]

ALL: tuple[Behaviour, ...] = (
    SetupAccess(),
    StateCountry(),
    StorageLimit(),
    Leads(),
    RowLocks(),
    GroupLocks(),
    ApprovalLocks(),
    RecordOwners(),
    BeforeSaveFlows(),
    Triggers(),
    ValidationRules(),
    Duplicates(),
    AssignmentRules(),
    LeadOwners(),
    PartnerAccounts(),
    PortalContacts(),
    Groups(),
    QueueObjects(),
    Members(),
    Sites(),
    MemberGroups(),
    PermissionSetMembers(),
    ExternalProfiles(),
    HeldUsers(),
    PartnerUsers(),
    Usernames(),
    UserLife(),
    PortalOwners(),
    Licences(),
    # Last: it makes roles, which a row refused by another rule must not leave behind
    PartnerRoles(),
    SiteUsers(),
    History(),
    AfterSaveFlows(),
    SlowUsers(),
)


@cache
def behaviours_for(object_: str) -> tuple[Behaviour, ...]:
    """The behaviours about an object (exact API name), in order."""
    return tuple(one for one in ALL if object_ in one.objects)
