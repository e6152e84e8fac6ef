"""Which records a user may see, change and give away: org-wide defaults, ownership, queues, roles,
sharing rules, super users. People → targets of rules → conditions in SQL → answers for a caller.

Not imitated: manual shares and teams, territories, sharing sets, groups of managers, Apex sharing,
deferred recalculation (a change is in force at once)."""

from __future__ import annotations

from sfprm.devorg.sharing.sharing import Sharing

__all__ = ["Sharing"]
