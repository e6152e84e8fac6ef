"""`offer:` in routing.yaml to terms, with their checks."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.complaints import did_you_mean
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.fields_read import check_criterion, spelt, standard_types
from sfprm.programme.model import Criterion
from sfprm.programme.names import check_user
from sfprm.programme.offer_files import AfterFile, OfferFile
from sfprm.programme.offer_terms import (
    NOTICE_KINDS,
    PLACEHOLDERS,
    After,
    OfferTerms,
    PauseTerms,
    ReceiptTerms,
    RejectTerms,
    Sign,
    Span,
)
from sfprm.programme.standard_fields import is_custom
from sfprm.programme.text_error import TextError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from sfprm.programme.complaints import Complaints, Place
    from sfprm.programme.model import FieldValue
    from sfprm.programme.names import Names
    from sfprm.programme.offer_files import AfterEntry, OfferEntry
    from sfprm.programme.yaml_text import Path, Tree

__all__ = ["build_offers", "check_lead_fields", "parse_span"]

_SPAN = re.compile(r"(\d+)\s+(working\s+)?(minute|hour|day|week)s?\Z", re.I)
_FORM = "Write it as: 4 hours, 90 minutes, 2 days, 2 working days."
_HOLE = re.compile(r"\{([^{}]*)\}")
_NEVER_SET = ("id", "ownerid", "isconverted", "isdeleted", "lastmodifieddate", "createddate")


def parse_span(text: str) -> Span:
    """A length of time. Raises TextError."""
    found = _SPAN.match(text.strip())
    if found is None or int(found.group(1)) == 0:
        raise TextError(f"{text.strip()!r} is not a length of time", 0, len(text), _FORM)
    amount, working, unit = int(found.group(1)), bool(found.group(2)), found.group(3).lower()
    if unit == "week":
        if working:
            raise TextError("working weeks are not known", 0, len(text), "Write 5 working days.")
        return Span(7 * amount, "days")
    if unit == "minute":
        return Span(amount, "minutes", working)
    return Span(amount, "hours" if unit == "hour" else "days", working)


def build_offers(
    written: OfferEntry | None, tree: Tree, path: Path, names: Names, complaints: Complaints
) -> tuple[OfferTerms, ...] | None:
    """The terms below `path` (which ends in `offer`). None when nothing is written there; empty
    when leads are given without any offer."""
    if written is None:
        return None
    if isinstance(written, str):
        return ()
    if isinstance(written, OfferFile):
        return (_Builder(tree, path, names, complaints).terms(written),)
    built = [
        _Builder(tree, (*path, at), names, complaints).terms(each)
        for at, each in enumerate(written)
    ]
    for at, terms in enumerate(built[:-1]):
        if not terms.when:
            complaints.warn(
                tree.at(*path, at).place,
                "these terms fit every lead: those below are never reached.",
                "Add `when:` to them, or put them last.",
            )
    return tuple(built)


def check_lead_fields(
    written: Iterable[tuple[str, str]], tree: Tree, complaints: Complaints
) -> dict[str, str]:
    """The Lead fields that sfprm fills, as Salesforce spells them; each may have one use."""
    found: dict[str, str] = {}
    for use, name in written:
        place = tree.at("lead_fields", use).place
        if name.lower() in _NEVER_SET or not is_custom(name):
            complaints.error(place, f"{name} is not for sfprm to fill.", "Name a custom field.")
        elif name.lower() in (other.lower() for other in found.values()):
            complaints.error(place, f"{name} is filled with something else already.")
        else:
            found[use] = name
    return found


class _Builder:
    """Reads one mapping of terms."""

    def __init__(self, tree: Tree, path: Path, names: Names, complaints: Complaints) -> None:
        self.tree, self.path, self.names, self.complaints = tree, path, names, complaints

    def terms(self, file: OfferFile) -> OfferTerms:
        """The terms, as far as they are right."""
        signs, said = self.acceptance(file.accepted_when)
        terms = OfferTerms(
            accept_within=self.span(file.accept_within, "accept_within"),
            remind_after=self.span(file.remind_after, "remind_after"),
            act_within=self.span(file.act_within, "act_within"),
            then=self.after(file.then, "then"),
            not_acted=self.after(file.not_acted, "not_acted"),
            give_up_after=file.give_up_after,
            escalate=self.after(file.escalate, "escalate"),
            signs=signs,
            accepted_when=said,
            acted_when=self.criteria(file.acted_when, "acted_when"),
            reject=self.reject(file),
            pause=self.pause(file),
            receipt=self.receipt(file),
            notices=self.notices(file),
            set_fields=self.set_fields(file),
            when=self.criteria(file.when, "when"),
        )
        self.sense(terms)
        return terms

    def sense(self, terms: OfferTerms) -> None:
        """Complain about what cannot be meant."""
        place = self.tree.key(*self.path) if isinstance(self.path[-1], str) else self.place()
        if terms.remind_after is not None and terms.accept_within is None:
            self.complaints.error(
                self.place("remind_after"),
                "a reminder needs something to be reminded of.",
                "Write accept_within too.",
            )
        if terms.escalate.kind == "next":
            self.complaints.error(
                self.place("escalate"),
                "a lead that nobody of the pool took cannot be escalated to the next of it.",
                "Write manager, or {internal: QUEUE}.",
            )
        if not terms.has_clock and (terms.pause or terms.give_up_after):
            self.complaints.warn(place, "without accept_within or act_within no clock runs.")

    def place(self, *path: str | int) -> Place:
        return self.tree.at(*self.path, *path).place

    def span(self, text: str | None, *path: str | int) -> Span | None:
        if text is None:
            return None
        try:
            return parse_span(text)
        except TextError as error:
            value = self.tree.at(*self.path, *path)
            self.complaints.error(value.place, f"{error.message}.", error.advice)
            return None

    def after(self, written: AfterEntry, *path: str | int) -> After:
        if isinstance(written, AfterFile):
            if written.recycle is not None:
                return After("recycle", queue=self.queue(written.recycle, *path, "recycle"))
            kind: Literal["internal", "never"] = "internal" if written.internal else "never"
            whom = written.internal or written.never or ""
            if "@" in whom:
                check_user(whom, self.place(*path, kind), self.names, self.complaints)
                return After(kind, user=whom)
            return After(kind, queue=self.queue(whom, *path, kind))
        if written == "manager":
            return After("internal")
        return After("never") if written == "never" else After()

    def queue(self, label: str, *path: str | int) -> str:
        return self.names.use_queue(label, self.place(*path), self.complaints)

    def criteria(self, texts: Sequence[str], *path: str | int) -> tuple[Criterion, ...]:
        found = (self.criterion(text, *path, at) for at, text in enumerate(texts))
        return tuple(c for c in found if c is not None)

    def criterion(self, text: str, *path: str | int) -> Criterion | None:
        value = self.tree.at(*self.path, *path)
        try:
            parsed = parse_criterion(text)
        except TextError as error:
            where = value.within(error.offset, error.width)
            self.complaints.error(where, f"{error.message}.", error.advice)
            return None
        made = Criterion(
            spelt(parsed.field), parsed.operator, parsed.values, text, value.place.origin
        )
        at = value.within(parsed.field_offset, len(parsed.field))
        check_criterion(made, at, standard_types(), self.complaints)
        return made

    def acceptance(
        self, written: Sequence[str] | None
    ) -> tuple[tuple[Sign, ...], tuple[Criterion, ...]]:
        if written is None:
            return tuple(Sign), ()
        signs: list[Sign] = []
        said: list[Criterion] = []
        for at, text in enumerate(written):
            word = text.strip().lower()
            if word in list(Sign):
                signs.append(Sign(word))
            elif " " not in word:
                self.complaints.error(
                    self.place("accepted_when", at),
                    f"{text!r} is neither a sign of acceptance nor a criterion.",
                    did_you_mean(word, list(Sign)) or f"Known: {', '.join(Sign)}.",
                )
            else:
                criterion = self.criterion(text, "accepted_when", at)
                if criterion is not None:
                    said.append(criterion)
        if not said and set(signs) <= {Sign.READ}:
            self.complaints.error(
                self.place("accepted_when"),
                "an unread lead does not show that nobody accepted it: a queue's lead stays unread "
                "when a member reads it.",
                "Name another sign beside it, such as status or modified.",
            )
        return tuple(signs), tuple(said)

    def reject(self, file: OfferFile) -> RejectTerms | None:
        if file.reject is None:
            return None
        refund = ("*",) if file.reject.refund == "always" else tuple(file.reject.refund)
        return RejectTerms(
            when=self.criteria(file.reject.when, "reject", "when"),
            reason=self.field(file.reject.reason, "reject", "reason"),
            refund=refund,
            then=self.after(file.reject.then, "reject", "then"),
        )

    def pause(self, file: OfferFile) -> PauseTerms | None:
        if file.pause is None:
            return None
        return PauseTerms(file.pause.after, self.span(file.pause.length, "pause", "for"))

    def receipt(self, file: OfferFile) -> ReceiptTerms | None:
        if file.receipt is None:
            return None
        within = self.span(file.receipt.within, "receipt", "within")
        return ReceiptTerms(
            within=within or Span(1, "hours"),
            when=self.criteria(file.receipt.when, "receipt", "when"),
            cause=self.field(file.receipt.cause, "receipt", "cause"),
        )

    def notices(self, file: OfferFile) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for kind in NOTICE_KINDS:
            key = getattr(file.notices, kind)
            if key is None:
                continue
            found[kind] = key
            if key not in self.names.notices:
                self.complaints.error(
                    self.place("notices", kind),
                    f"no notice is named {key!r}.",
                    did_you_mean(key, self.names.notices, self.names.notices)
                    or "Declare it below `notices:`.",
                )
        return MappingProxyType(found)

    def field(self, name: str | None, *path: str | int) -> str | None:
        """A Lead field that is read or written, as Salesforce spells it."""
        if name is None:
            return None
        if name.lower() not in standard_types() and not is_custom(name):
            self.complaints.error(
                self.place(*path),
                f"Lead has no standard field {name!r}.",
                did_you_mean(name, [spelt(n) for n in standard_types()])
                or "Custom fields end in __c.",
            )
        return spelt(name)

    def set_fields(self, file: OfferFile) -> Mapping[str, Mapping[str, FieldValue]]:
        return MappingProxyType(
            {
                stage: MappingProxyType(
                    {
                        self.written(name, stage): self.value(value, stage, name)
                        for name, value in values.items()
                    }
                )
                for stage, values in file.set_fields.items()
            }
        )

    def written(self, name: str, stage: str) -> str:
        if name.lower() in _NEVER_SET:
            place = self.tree.key(*self.path, "set_fields", stage, name)
            self.complaints.error(place, f"{name} is not for an offer to set.")
        return self.field(name, "set_fields", stage, name) or name

    def value(self, value: FieldValue, stage: str, name: str) -> FieldValue:
        if isinstance(value, str):
            for hole in _HOLE.findall(value):
                if hole not in PLACEHOLDERS:
                    self.complaints.error(
                        self.place("set_fields", stage, name),
                        f"nothing is known by the name {{{hole}}}.",
                        did_you_mean(hole, PLACEHOLDERS) or f"Known: {', '.join(PLACEHOLDERS)}.",
                    )
        return value
