"""Labelling functions that only look terms up, recognized by reading their code; it is never run.

A function is followed statement by statement, each name standing for what it holds: a record's field, its
text (as it is or in lower case), its words, a term, a list of terms. Whatever does not fit says why.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from embtune.records.refinery.lookup_rules import Field, NotALookupError, Rule, Terms, Text, Words, together
from embtune.records.refinery.model import Lookup, LookupList
from embtune.records.refinery.python_code import python_of

_KNOWLEDGE = object()
_RECORD = object()


def variable_of(name: str) -> str:
    """Return the name under which refinery's code imports a look-up list."""
    plain = re.sub(r"[^\w]", "", name.lower().replace(" ", "_"))
    return f"_{plain}" if plain[:1].isdigit() else plain


def as_lookup(
    code: str,
    *,
    lists: Sequence[LookupList],
    labels: Collection[str],
    fields: Mapping[str, str],
) -> Lookup:
    """Read a labelling function as a look-up.

    Parameters
    ----------
    code
        Its source, with one function that takes a record.
    lists
        The project's look-up lists.
    labels
        Names of the labels it may return.
    fields
        The records' fields by name with refinery's types of them; of TEXT ones, code sees spaCy's documents.

    Raises
    ------
    NotALookupError
        If it does anything else.
    """
    tree = python_of(code)
    if tree is None:
        raise NotALookupError("it is no Python that can be read")
    try:
        rules = _Reader(lists, fields).module(tree)
    except RecursionError:
        raise NotALookupError("it is nested too deeply") from None
    return together(rules, {one.name: one for one in lists}, labels)


class _Reader:
    def __init__(self, lists: Sequence[LookupList], fields: Mapping[str, str]) -> None:
        self._fields = fields
        self._lists: dict[str, list[str]] = {}
        for one in lists:  # two lists of one variable are one list to refinery's code
            self._lists.setdefault(variable_of(one.name), []).append(one.name)

    def module(self, tree: ast.Module) -> list[Rule]:
        names: dict[str, Any] = {}
        functions = []
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                functions.append(node)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node, names)
            elif isinstance(node, ast.Assign):
                self._assign(node, names)
            elif not _says_nothing(node):
                raise _unknown(node)
        if len(functions) != 1:
            raise NotALookupError(f"it has {len(functions)} functions, not one")
        function = functions[0]
        arguments = function.args
        plain = [*arguments.posonlyargs, *arguments.args]
        if len(plain) != 1 or arguments.vararg or arguments.kwarg or function.decorator_list:
            raise NotALookupError("its function takes more than a record")
        return self._body(function.body, {**names, plain[0].arg: _RECORD})

    def _import(self, node: ast.Import | ast.ImportFrom, names: dict[str, Any]) -> None:
        for alias in node.names:
            known = alias.asname or alias.name
            if isinstance(node, ast.Import):
                if alias.name == "knowledge":
                    names[known] = _KNOWLEDGE
            elif node.module == "knowledge":
                names[known] = self._list(alias.name)

    def _list(self, variable: str) -> Terms:
        if variable not in self._lists:
            raise NotALookupError(f"it uses a look-up list {variable!r} that the snapshot does not have")
        return Terms(lists=tuple(self._lists[variable]))

    def _assign(self, node: ast.Assign, names: dict[str, Any]) -> None:
        if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            raise _unknown(node)
        names[node.targets[0].id] = self._value(node.value, names)

    # ---- statements -----------------------------------------------------------------------------

    def _body(self, body: list[ast.stmt], names: dict[str, Any], *, may_end: bool = True) -> list[Rule]:
        """Follow statements of which each either returns a label or goes on.

        `may_end` tells whether returning nothing leaves nothing out: not so in a loop, or before more code.
        """
        rules: list[Rule] = []
        names = dict(names)
        for place, node in enumerate(body, 1):
            last = may_end and place == len(body)
            if isinstance(node, ast.Return) and _is_none(node.value) and may_end:
                break
            if isinstance(node, ast.If):
                rules += self._if(node, names, last)
            elif isinstance(node, ast.For):
                rules += self._for(node, names)
            elif isinstance(node, ast.Assign):
                self._assign(node, names)
            elif not _says_nothing(node):
                raise _unknown(node)
        return rules

    def _if(self, node: ast.If, names: dict[str, Any], last: bool) -> list[Rule]:
        kept = [one for one in node.body if not _says_nothing(one)]
        if len(kept) != 1 or not isinstance(kept[0], ast.Return):
            raise _unknown(node)
        label = None if kept[0].value is None else self._value(kept[0].value, names)
        if not isinstance(label, Terms) or not label.one or len(label.written) != 1 or label.lower:
            raise NotALookupError(f"line {kept[0].lineno} returns no label by name")
        rules = [replace(rule, label=label.written[0]) for rule in self._test(node.test, names)]
        return rules + self._body(node.orelse, names, may_end=last)

    def _for(self, node: ast.For, names: dict[str, Any]) -> list[Rule]:
        if node.orelse or not isinstance(node.target, ast.Name):
            raise _unknown(node)
        each = self._one_of(self._value(node.iter, names), node)
        return self._body(node.body, {**names, node.target.id: each}, may_end=False)

    def _one_of(self, several: Any, node: ast.AST) -> Any:
        if isinstance(several, Field) and self._is_document(several.name):
            return Words(several.name, one=True)
        if isinstance(several, (Terms, Words)) and not several.one:
            return replace(several, one=True)
        raise _unknown(node)

    # ---- tests ----------------------------------------------------------------------------------

    def _test(self, node: ast.expr, names: dict[str, Any]) -> list[Rule]:
        """Return what is looked for where; any of it is enough."""
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return [rule for one in node.values for rule in self._test(one, names)]
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = self._value(node.left, names), self._value(node.comparators[0], names)
            if isinstance(node.ops[0], ast.In):
                return [self._found_in(left, right, node)]
            if isinstance(node.ops[0], ast.Eq):
                return [self._equals(left, right, node)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "any":
            inner = node.args[0] if len(node.args) == 1 and not node.keywords else None
            if isinstance(inner, (ast.GeneratorExp, ast.ListComp)):
                return self._test(inner.elt, self._within(inner, names))
        raise _unknown(node)

    def _within(self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp, names: dict[str, Any]) -> Any:
        loop = node.generators[0]
        if len(node.generators) != 1 or loop.ifs or loop.is_async or not isinstance(loop.target, ast.Name):
            raise _unknown(node)
        return {**names, loop.target.id: self._one_of(self._value(loop.iter, names), node)}

    def _found_in(self, left: Any, right: Any, node: ast.AST) -> Rule:
        if isinstance(right, Field) and not self._is_document(right.name):
            right = Text(right.name)
        if isinstance(left, Terms) and left.one:
            if isinstance(right, Text) or (isinstance(right, Words) and not right.one):
                return Rule(left, right)
        elif isinstance(left, Words) and left.one and isinstance(right, Terms) and not right.one:
            return Rule(right, left)
        raise _unknown(node)

    def _equals(self, left: Any, right: Any, node: ast.AST) -> Rule:
        term, word = (left, right) if isinstance(left, Terms) else (right, left)
        if isinstance(term, Terms) and term.one and isinstance(word, Words) and word.one:
            return Rule(term, word)
        raise _unknown(node)

    # ---- values ---------------------------------------------------------------------------------

    def _value(self, node: ast.expr, names: dict[str, Any]) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return Terms(written=(node.value,), one=True)
        if isinstance(node, ast.Name) and node.id in names:
            return names[node.id]
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            several = [self._value(one, names) for one in node.elts]
            if several and all(isinstance(one, Terms) and one.written and not one.lower for one in several):
                return Terms(written=tuple(term for one in several for term in one.written))
        if isinstance(node, ast.Subscript) and self._value(node.value, names) is _RECORD:
            return self._field(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, self._value(node.value, names))
        if isinstance(node, (ast.ListComp, ast.SetComp)):
            each = self._value(node.elt, self._within(node, names))
            if isinstance(each, (Terms, Words)) and each.one:
                return replace(each, one=False)
        if isinstance(node, ast.Call):
            return self._call(node, names)
        raise _unknown(node)

    def _field(self, node: ast.Subscript) -> Field:
        name = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if not isinstance(name, str):
            raise _unknown(node)
        if name not in self._fields:
            raise NotALookupError(f"it reads a field {name!r} that the records do not have")
        return Field(name)

    def _attribute(self, node: ast.Attribute, owner: Any) -> Any:
        if owner is _KNOWLEDGE:
            return self._list(node.attr)
        if node.attr == "text":
            if isinstance(owner, Field) and self._is_document(owner.name):
                return Text(owner.name)
            if isinstance(owner, Words) and owner.one and owner.tokens:
                return owner
        if node.attr == "lower_" and isinstance(owner, Words) and owner.one and owner.tokens:
            return replace(owner, lower=True)
        raise _unknown(node)

    def _call(self, node: ast.Call, names: dict[str, Any]) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id == "str" and len(node.args) == 1:
            given = self._value(node.args[0], names)
            return Text(given.name) if isinstance(given, Field) else given
        if not isinstance(node.func, ast.Attribute) or node.args or node.keywords:
            raise _unknown(node)
        owner = self._value(node.func.value, names)
        if isinstance(owner, Field) and not self._is_document(owner.name):
            owner = Text(owner.name)
        if node.func.attr in ("lower", "casefold"):
            if isinstance(owner, Text) or (isinstance(owner, (Terms, Words)) and owner.one):
                return replace(owner, lower=True)
        elif node.func.attr == "split" and isinstance(owner, Text):
            return Words(owner.field, owner.lower, tokens=False)
        raise _unknown(node)

    def _is_document(self, field: str) -> bool:
        return self._fields[field] == "TEXT"


def _says_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_none(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _unknown(node: ast.AST) -> NotALookupError:
    return NotALookupError(f"line {getattr(node, 'lineno', 1)} does more than look terms up")
