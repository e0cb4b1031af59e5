"""JSON Schema, as much of it as the contract's schema uses, so that the published file decides on the robot too.

The keywords are those of draft 2020-12. A keyword that is not known here is an error of the schema, never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_NOTES = {"$schema", "$defs", "title", "description"}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    # 1.0 is an integer to JSON Schema.
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
}
_ARTICLES = {"object": "an object", "array": "a list", "string": "text", "boolean": "true or false", "null": "null"}


class Schema:
    """A schema to hold values against.

    Args:
        schema: The schema as parsed from its file.
    """

    def __init__(self, schema: Mapping[str, Any]):
        self._root = schema

    def first_error(self, value: Any) -> str | None:
        """The first thing wrong with a value, such as ``observations[3].width: must be at least 1, is 0``.

        Args:
            value: As parsed from JSON.

        Returns:
            The path of the value and what is wrong, or None if it keeps the schema.
        """
        return next(self._errors(value, self._root, ""), None)

    def _errors(self, value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
        for keyword, rule in schema.items():
            if keyword not in _NOTES:
                yield from getattr(self, "_" + keyword.lstrip("$"))(value, rule, path, schema)

    # -- any value -----------------------------------------------------------------------------------

    def _ref(self, value: Any, rule: str, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        target: Any = self._root
        for step in rule.split("/")[1:]:
            target = target[step]
        yield from self._errors(value, target, path)

    def _type(self, value: Any, rule: Any, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        allowed = [rule] if isinstance(rule, str) else rule
        if not any(_TYPES[name](value) for name in allowed):
            wanted = " or ".join(_ARTICLES.get(name, f"a{'n' * (name[0] in 'aeiou')} {name}") for name in allowed)
            yield _say(path, f"must be {wanted}, is {_shown(value)}")

    def _const(self, value: Any, rule: Any, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if not _same(value, rule):
            yield _say(path, f"must be {_shown(rule)}, is {_shown(value)}")

    def _enum(self, value: Any, rule: list[Any], path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if not any(_same(value, item) for item in rule):
            yield _say(path, f"must be one of {', '.join(map(_shown, rule))}, is {_shown(value)}")

    def _oneOf(self, value: Any, rule: list[Mapping[str, Any]], path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        fits = sum(next(self._errors(value, branch, path), None) is None for branch in rule)
        if fits == 1:
            return
        # Branches differ in what `kind` must be: speak of the branch that is meant.
        kinds = {branch["properties"]["kind"]["const"]: branch for branch in rule}
        kind = value.get("kind") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in kinds:
            yield next(self._errors(value, kinds[kind], path), _say(path, "fits several kinds"))
        elif isinstance(value, dict):
            yield _say(f"{path}.kind", f"must be one of {', '.join(map(_shown, kinds))}, is {_shown(kind)}")
        else:
            yield _say(path, f"must be an object, is {_shown(value)}")

    # -- numbers -------------------------------------------------------------------------------------

    def _minimum(self, value: Any, rule: float, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if _TYPES["number"](value) and value < rule:
            yield _say(path, f"must be at least {rule}, is {_shown(value)}")

    def _maximum(self, value: Any, rule: float, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if _TYPES["number"](value) and value > rule:
            yield _say(path, f"must be at most {rule}, is {_shown(value)}")

    def _exclusiveMinimum(self, value: Any, rule: float, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if _TYPES["number"](value) and value <= rule:
            yield _say(path, f"must be more than {rule}, is {_shown(value)}")

    # -- text ----------------------------------------------------------------------------------------

    def _minLength(self, value: Any, rule: int, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(value, str) and len(value) < rule:
            yield _say(path, "must not be empty" if rule == 1 else f"must have at least {rule} characters")

    def _maxLength(self, value: Any, rule: int, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(value, str) and len(value) > rule:
            yield _say(path, f"must have at most {rule} characters, has {len(value)}")

    # -- lists ---------------------------------------------------------------------------------------

    def _items(self, value: Any, rule: Mapping[str, Any], path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(value, list):
            for i, item in enumerate(value):
                yield from self._errors(item, rule, f"{path}[{i}]")

    def _minItems(self, value: Any, rule: int, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(value, list) and len(value) < rule:
            yield _say(path, f"must have at least {rule} item{'s' * (rule > 1)}, has {len(value)}")

    def _maxItems(self, value: Any, rule: int, path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(value, list) and len(value) > rule:
            yield _say(path, f"must have at most {rule} items, has {len(value)}")

    # -- objects -------------------------------------------------------------------------------------

    def _required(self, value: Any, rule: list[str], path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(value, dict):
            for name in rule:
                if name not in value:
                    yield _say(_join(path, name), "is missing")

    def _properties(self, value: Any, rule: Mapping[str, Any], path: str, _schema: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(value, dict):
            for name, schema in rule.items():
                if name in value:
                    yield from self._errors(value[name], schema, _join(path, name))

    def _additionalProperties(self, value: Any, rule: bool, path: str, schema: Mapping[str, Any]) -> Iterator[str]:
        if isinstance(value, dict) and rule is False:
            for name in value:
                if name not in schema["properties"]:
                    yield _say(_join(path, name), "is not known")


def _same(a: Any, b: Any) -> bool:
    """Equality of JSON values: true is not 1, but 1.0 is."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _join(path: str, name: str) -> str:
    shown = name if len(name) <= 60 else name[:57] + "..."
    return f"{path}.{shown}" if path else shown


def _say(path: str, text: str) -> str:
    return f"{path or 'the whole'}: {text}"


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
