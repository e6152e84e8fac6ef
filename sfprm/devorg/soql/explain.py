"""How a query would be run (`?explain=`): the plan of the database below, in Salesforce's shape.

The shape of the answer is from memory, unverified; so is the threshold under which a filter is
selective (relativeCost below 1): a tenth of the records here.
"""

from __future__ import annotations

import re
from typing import Any

from sfprm.devorg.ddl import quoted
from sfprm.devorg.soql.bound import BoundQuery
from sfprm.devorg.soql.tables import Sql
from sfprm.devorg.storage import Storage

__all__ = ["plans"]

_SEARCH = re.compile(r"SEARCH t0 USING (?:COVERING )?INDEX (\S+) \((.*)\)")
_FIELD = re.compile(r"(\w+)[=<>]")


def plans(
    query: BoundQuery, text: str, storage: Storage, statement: Sql, counting: Sql
) -> dict[str, Any]:
    """The answer's body: the plan that would be taken."""
    ((cardinality,),) = storage.execute(counting.text, counting.parameters)
    ((all_records,),) = storage.execute(f"SELECT COUNT(*) FROM {quoted(query.object.name)}")  # noqa: S608
    steps = storage.execute("EXPLAIN QUERY PLAN " + statement.text, statement.parameters)
    fields: list[str] = []
    for step in steps:
        found = _SEARCH.search(str(step[3]))
        if found is not None:
            fields = _FIELD.findall(found[2])
            break
    selective = max(all_records / 10, 1)
    cost = cardinality / selective if fields else max(1.0, all_records / selective)
    plan = {
        "cardinality": cardinality,
        "fields": fields,
        "leadingOperationType": "Index" if fields else "TableScan",
        "notes": [],
        "relativeCost": round(cost, 3),
        "sobjectCardinality": all_records,
        "sobjectType": query.object.name,
    }
    return {"plans": [plan], "sourceQuery": text}
