"""Fields that notices name, held against the org's own describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.notice_text import OBJECTS, names_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.errors import Complaint
    from sfprm.programme.model import Notice, Programme

__all__ = ["check_notice_fields", "notice_objects"]


def notice_objects(programme: Programme) -> frozenset[str]:
    """The objects whose fields notices name: `Lead`, `User`."""
    return frozenset(
        OBJECTS[top]
        for notice in programme.routing.notices.values()
        for top, _ in _names(notice)
        if top in OBJECTS
    )


def check_notice_fields(
    programme: Programme, fields: Mapping[str, frozenset[str]]
) -> list[Complaint]:
    """What notices name that this org's objects do not have, or the agent does not see. `fields`:
    API names as the org spells them, by object; an object that is not in there is not looked at."""
    complaints = Complaints()
    for notice in programme.routing.notices.values():
        for top, name in _names(notice):
            known = fields.get(OBJECTS.get(top, ""))
            if known is None or name in known:
                continue
            complaints.error(
                Place(notice.origin.file, notice.origin.line),
                f"notice {notice.key!r} names {OBJECTS[top]}.{name}, which the org does not have "
                "or the agent does not see.",
                did_you_mean(name, known),
            )
    return complaints.errors


def _names(notice: Notice) -> Iterable[tuple[str, str]]:
    texts = [notice.subject, notice.body]
    texts += [part for text in notice.languages.values() for part in (text.subject, text.body)]
    if notice.digest is not None:
        texts += [notice.digest.subject, notice.digest.body]
    return dict.fromkeys(each for text in texts for each in names_read(text))
