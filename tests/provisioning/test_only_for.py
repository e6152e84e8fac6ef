"""Files that say which orgs they are for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sfprm.errors import NotReady
from sfprm.estate.meant import refuse_unmeant
from sfprm.estate.model import OrgFacts
from sfprm.ids import RecordId

SANDBOX = OrgFacts(
    id=RecordId("00D000000000001"),
    name="Northwind",
    organization_type="Enterprise Edition",
    is_sandbox=True,
    is_embedded=False,
    created=datetime(2020, 1, 1, tzinfo=UTC),
    agent_id=RecordId("005000000000001"),
    agent_username="agent@example.com",
)
PRODUCTION = replace(SANDBOX, is_sandbox=False)
EMBEDDED = replace(PRODUCTION, is_embedded=True)


@pytest.mark.parametrize(
    ("only_for", "org", "fits"),
    [
        ((), PRODUCTION, True),
        (("sandbox",), SANDBOX, True),
        (("sandbox",), PRODUCTION, False),
        (("production",), SANDBOX, False),
        (("sandbox", "production"), PRODUCTION, True),
        ((SANDBOX.id,), SANDBOX, True),
        ((RecordId("00D000000000002"),), SANDBOX, False),
        (("sandbox",), EMBEDDED, True),
    ],
)
def test_other_orgs_are_refused(
    make: Any, only_for: tuple[str, ...], org: OrgFacts, fits: bool
) -> None:
    """Before anything is compared; the embedded org stands for any."""
    programme = replace(make.programme(), only_for=only_for, environment="uat")
    if fits:
        refuse_unmeant(programme, org)
    else:
        with pytest.raises(NotReady, match="with overlay uat are only for"):
            refuse_unmeant(programme, org)
