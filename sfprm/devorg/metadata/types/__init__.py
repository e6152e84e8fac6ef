"""The metadata types that the org imitates, in the order in which a deployment applies them.

A new type: a module with a class that follows `component.MetadataType`, and its line here.
"""

from __future__ import annotations

from sfprm.devorg.metadata.component import MetadataType
from sfprm.devorg.metadata.types.assignment_rules import AssignmentRules
from sfprm.devorg.metadata.types.custom_object import CustomObjects
from sfprm.devorg.metadata.types.duplicate_rule import DuplicateRules
from sfprm.devorg.metadata.types.email_template import EmailTemplates
from sfprm.devorg.metadata.types.folders import FOLDER_TYPES
from sfprm.devorg.metadata.types.network import Networks
from sfprm.devorg.metadata.types.permission_set import PermissionSets
from sfprm.devorg.metadata.types.profile import Profiles
from sfprm.devorg.metadata.types.queue import Queues
from sfprm.devorg.metadata.types.role import Roles
from sfprm.devorg.metadata.types.settings import Settings
from sfprm.devorg.metadata.types.sharing_rules import SharingRules

__all__ = ["BY_DIRECTORY", "BY_NAME", "TYPES"]

TYPES: tuple[MetadataType, ...] = (
    Settings(),
    CustomObjects(),
    Roles(),
    Queues(),
    *FOLDER_TYPES,
    EmailTemplates("EmailTemplate", "EmailFolder", "email", "Email"),
    SharingRules(),
    AssignmentRules(),
    DuplicateRules(),
    PermissionSets(),
    Profiles(),
    Networks(),
)
BY_DIRECTORY = {one.directory: one for one in TYPES}
BY_NAME = {name: one for one in TYPES for name in one.names}
