"""Records in SQLite: one table an object, one real column a field.

Values as they are stored: text; booleans 0 or 1, never null; `int` INTEGER; double, currency and
percent REAL; instants as text `YYYY-MM-DDTHH:MM:SS.000+0000`; dates `YYYY-MM-DD`; ids of 18
characters; an empty string is stored as null, as Salesforce does. Compound fields (addresses) have
no column; the Name of a person is computed from its parts by the table itself.

Each layer adds to the one before: `connection` (transactions, statements, copies), `meta`
(settings, serials), `tables` (columns, deployed ones too), `reading`, `writing`.
"""

from __future__ import annotations

from sfprm.devorg.ddl import quoted
from sfprm.devorg.storage.connection import Snapshot
from sfprm.devorg.storage.writing import Writing

__all__ = ["Snapshot", "Storage", "quoted"]


class Storage(Writing):
    """One org's records. Every method may be called from any thread; a transaction keeps the
    others out until it ends.
    """
