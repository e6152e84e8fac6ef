"""Tokens to tree, by recursive descent. Stops at the first error, in the words of the server's
own parser (SOQL sheet, sections 1 and 7a)."""

from __future__ import annotations

from sfprm.devorg.soql.errors import NotImitated, SoqlError
from sfprm.devorg.soql.lexer import Token, unescape
from sfprm.devorg.soql.reader import TokenReader
from sfprm.devorg.soql.tree import (
    And,
    Call,
    ChildQuery,
    Comparison,
    Condition,
    Distance,
    Expression,
    Grouping,
    Item,
    Literal,
    Not,
    Or,
    Ordering,
    Path,
    Query,
    SemiJoin,
    Source,
    TypeOf,
    When,
)

__all__ = ["parse"]

MAX_STATEMENT = 100_000
"""Characters in a statement (SOQL sheet, section 6)."""

_COMPARING = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_MODES = ("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")


def parse(text: str) -> Query:
    """The tree of a statement. Raises SoqlError (MALFORMED_QUERY) at the first syntax error."""
    if len(text) > MAX_STATEMENT:
        raise SoqlError(
            "MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters."
        )
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return _Parser(text).statement()


class _Parser(TokenReader):
    # Statement

    def statement(self) -> Query:
        query = self._query()
        if self._now.kind != "end":
            raise self._unexpected()
        return query

    def _query(self) -> Query:
        begin = self._now.at
        self._expect("SELECT")
        counting = self._counting()
        items = () if counting else self._items(begin)
        self._expect("FROM")
        sources = self._sources()
        scope = None
        if self._accept("USING"):
            self._expect("SCOPE")
            scope = self._name().text
        where = self._condition() if self._accept("WHERE") else None
        with_ = self._with()
        grouping = self._grouping()
        having = self._condition() if grouping is not None and self._accept("HAVING") else None
        order = self._order()
        limit = self._integer() if self._accept("LIMIT") else None
        offset = self._integer() if self._accept("OFFSET") else None
        all_rows = self._all_rows()
        tracking = None
        if self._accept("FOR"):
            if not self._is("VIEW", "REFERENCE", "UPDATE"):
                raise self._unexpected()
            tracking = self._take().upper
        return Query(
            text=self._text,
            counting=counting,
            items=items,
            sources=sources,
            scope=scope,
            where=where,
            with_=with_,
            grouping=grouping,
            having=having,
            order=order,
            limit=limit,
            offset=offset,
            tracking=tracking,
            updating=self._updating(),
            all_rows=all_rows,
        )

    def _all_rows(self) -> bool:
        """ALL ROWS. The published grammar has it in Apex only (SOQL sheet, section 1); taken here
        as /queryAll takes it, since clients send it.
        """
        if not (self._is("ALL") and self._ahead(1).upper == "ROWS"):
            return False
        self._place += 2
        return True

    def _counting(self) -> bool:
        if not self._is("COUNT"):
            return False
        if not (self._ahead(1).text == "(" and self._ahead(2).text == ")"):
            return False
        self._place += 3
        if not self._is("FROM"):
            raise self._unexpected()
        return True

    def _updating(self) -> tuple[str, ...]:
        words: list[str] = []
        if self._accept("UPDATE"):
            while True:
                if not self._is("TRACKING", "VIEWSTAT"):
                    raise self._unexpected()
                words.append(self._take().upper)
                if not self._accept_mark(","):
                    break
        return tuple(words)

    # SELECT list

    def _items(self, begin: int) -> tuple[Item | ChildQuery | TypeOf, ...]:
        if not (self._is_name() or self._is_mark("(")):
            if self._now.kind == "end":
                raise self._unexpected()
            raise self._no_way_on(begin)
        items = [self._item()]
        while self._accept_mark(","):
            items.append(self._item())
        return tuple(items)

    def _item(self) -> Item | ChildQuery | TypeOf:
        at = self._now.at
        if self._accept_mark("("):
            if not self._is("SELECT"):
                raise self._unexpected()
            self._deeper()
            query = self._query()
            self._expect_mark(")")
            self._depth -= 1
            alias = self._take().text if self._is_name() else None
            return ChildQuery(query, at, alias)
        if self._is("TYPEOF") and self._ahead(1).kind == "word" and self._ahead(1).upper != "FROM":
            return self._typeof()
        expression = self._operand()
        alias = self._take().text if self._is_name() else None
        return Item(expression, alias, at)

    def _typeof(self) -> TypeOf:
        at = self._take().at
        path = self._path()
        whens = []
        while self._accept("WHEN"):
            name = self._name()
            self._expect("THEN")
            whens.append(When(name.text, self._paths(), name.at))
        if not whens:
            raise self._unexpected()
        otherwise = self._paths() if self._accept("ELSE") else ()
        self._expect("END")
        return TypeOf(path, tuple(whens), otherwise, at)

    def _paths(self) -> tuple[Path, ...]:
        paths = [self._path()]
        while self._accept_mark(","):
            paths.append(self._path())
        return tuple(paths)

    def _name(self) -> Token:
        if not self._is_name():
            raise self._unexpected()
        return self._take()

    def _path(self) -> Path:
        first = self._name()
        parts = [first.text]
        while self._accept_mark("."):
            if self._now.kind != "word":
                raise self._unexpected()
            parts.append(self._take().text)
        return Path(tuple(parts), first.at)

    def _operand(self, depth: int = 0) -> Expression:
        if not self._is_name():
            raise self._unexpected()
        if self._ahead(1).text != "(":
            return self._path()
        if depth == 2:
            raise self._unexpected(self._ahead(1))
        name = self._take()
        self._take()
        if name.upper == "DISTANCE":
            return self._distance(name.at)
        argument: Expression | None = None
        if not self._is_mark(")"):
            argument = self._operand(depth + 1)
        self._expect_mark(")")
        text = self._text[name.at : self._tokens[self._place - 1].end]
        return Call(name.upper, argument, name.at, text)

    def _distance(self, at: int) -> Distance:
        path = self._path()
        self._expect_mark(",")
        self._expect("GEOLOCATION")
        self._expect_mark("(")
        latitude = self._number()
        self._expect_mark(",")
        longitude = self._number()
        self._expect_mark(")")
        self._expect_mark(",")
        if self._now.kind != "string":
            raise self._unexpected()
        unit = unescape(self._take().text)
        self._expect_mark(")")
        return Distance(path, float(latitude), float(longitude), unit, at)

    # FROM

    def _sources(self) -> tuple[Source, ...]:
        sources = [self._source()]
        while self._accept_mark(","):
            sources.append(self._source())
        return tuple(sources)

    def _source(self) -> Source:
        path = self._path()
        if self._accept("AS"):
            return Source(path.parts, self._name().text, path.at)
        alias = None
        starts_clause = (
            (self._is("GROUP", "ORDER") and self._ahead(1).upper == "BY")
            or (self._is("OFFSET") and self._ahead(1).kind in ("number", "mark", "end"))
            or (self._is("ALL") and self._ahead(1).upper == "ROWS")
        )
        if self._is_name() and not starts_clause:
            alias = self._take().text
        return Source(path.parts, alias, path.at)

    # Conditions

    def _condition(self) -> Condition:
        if self._accept("NOT"):
            return Not(self._primary())
        first = self._primary()
        for word, node in (("AND", And), ("OR", Or)):
            if self._is(word):
                parts = [first]
                while self._accept(word):
                    parts.append(self._primary())
                return node(tuple(parts))
        return first

    def _primary(self) -> Condition:
        if self._accept_mark("("):
            self._deeper()
            inner = self._condition()
            self._expect_mark(")")
            self._depth -= 1
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        at = self._now.at
        left = self._operand()
        token = self._now
        if token.kind == "mark" and token.text in _COMPARING:
            self._take()
            return Comparison(left, _COMPARING[token.text], self._literal(), at)
        if self._accept("LIKE"):
            if self._now.kind != "string":
                self._bind_check()
                raise self._unexpected()
            pattern = self._take()
            value = unescape(pattern.text, pattern=True)
            return Comparison(left, "LIKE", Literal("string", value, pattern.at), at)
        if self._is("INCLUDES", "EXCLUDES"):
            op = self._take().upper
            self._expect_mark("(")
            return Comparison(left, op, self._literals(at), at)
        op = "IN"
        if self._accept("NOT"):
            op = "NOT IN"
        if self._accept("IN"):
            return Comparison(left, op, self._in_list(at), at)
        raise self._no_way_on(at)

    def _in_list(self, at: int) -> tuple[Literal, ...] | SemiJoin:
        self._bind_check()
        if not self._is_mark("("):
            raise self._no_way_on(at)
        self._take()
        if self._is("SELECT"):
            return self._semijoin()
        return self._literals(at)

    def _literals(self, at: int) -> tuple[Literal, ...]:
        if self._is_mark(")"):
            raise self._no_way_on(at)
        values = [self._literal()]
        while self._accept_mark(","):
            values.append(self._literal())
        self._expect_mark(")")
        return tuple(values)

    def _semijoin(self) -> SemiJoin:
        at = self._take().at
        path = self._path()
        self._expect("FROM")
        sources = self._sources()
        where = self._condition() if self._accept("WHERE") else None
        with_ = self._with()
        self._expect_mark(")")
        return SemiJoin(path, sources, where, at, with_)

    # The other clauses

    def _with(self) -> str | None:
        """WITH SECURITY_ENFORCED, USER_MODE or SYSTEM_MODE. A query through the API runs with the
        user's permissions whichever is said, so all are taken. Newer servers may refuse them
        outside Apex (SOQL sheet, 7a: read in release notes); here queries written for Apex run.
        """
        if not self._accept("WITH"):
            return None
        word = self._name().upper
        if word not in _MODES:
            raise NotImitated(f"WITH {word}")
        return word

    def _grouping(self) -> Grouping | None:
        if not (self._is("GROUP") and self._ahead(1).upper == "BY"):
            return None
        self._place += 2
        if self._is("ROLLUP", "CUBE"):
            kind = self._take().upper
            self._expect_mark("(")
            expressions = self._operands()
            self._expect_mark(")")
            return Grouping(kind, expressions)
        return Grouping("", self._operands())

    def _operands(self) -> tuple[Expression, ...]:
        expressions = [self._operand()]
        while self._accept_mark(","):
            expressions.append(self._operand())
        return tuple(expressions)

    def _order(self) -> tuple[Ordering, ...]:
        if not (self._is("ORDER") and self._ahead(1).upper == "BY"):
            return ()
        self._place += 2
        orderings = [self._ordering()]
        while self._accept_mark(","):
            orderings.append(self._ordering())
        return tuple(orderings)

    def _ordering(self) -> Ordering:
        at = self._now.at
        expression = self._operand()
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        nulls_last = False
        if self._accept("NULLS"):
            if not self._is("FIRST", "LAST"):
                raise self._unexpected()
            nulls_last = self._take().upper == "LAST"
        return Ordering(expression, descending, nulls_last, at)
