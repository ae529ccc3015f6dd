"""The schemas of BAML's tests, as pydantic types: what the rows of `baml_jsonish` are to be read as."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, create_model

_ATTRIBUTE = re.compile(
    r"@+(\w+)\(((?:#\".*?\"#|\"(?:[^\"\\]|\\.)*\"|\((?:\"(?:[^\"\\]|\\.)*\"|[^()\"])*\)|[^()\"#])*)\)", re.DOTALL
)
_BLOCK = re.compile(r"(class|enum)\s+(\w+)\s*\{([^}]*)\}")
_FIELD = re.compile(r"^\s*(\w+)[^\S\n]+([^\n@]+?)[^\S\n]*(?:@=(\w+)|@~(\d+))?[^\S\n]*$", re.MULTILINE)
_TOKEN = re.compile(r'\s*("[^"]*"|\w+|\[\]|[?|()<>,])')
_SIMPLE: dict[str, Any] = {"string": str, "int": int, "float": float, "bool": bool, "null": None}


class Schema:
    """The classes and enums of one test."""

    def __init__(self, source: str) -> None:
        self._patterns: list[str] = []
        marked = _ATTRIBUTE.sub(self._marked, source)
        self._blocks = {name: (kind, body) for kind, name, body in _BLOCK.findall(marked)}
        self._built: dict[str, Any] = {}

    def _marked(self, found: re.Match[str]) -> str:
        """An attribute in short: `@=name` for an alias, `@~n` for the n-th pattern; others do not matter here."""
        if found[1] == "alias":
            return f"@={found[2].strip().strip(chr(34))}"
        if pattern := re.search(r"regex_match\(\"(.*)\"\)", found[2]):
            self._patterns.append(pattern[1])
            return f"@~{len(self._patterns) - 1}"
        return ""

    def target(self, rust: str) -> TypeAdapter[Any]:
        """The type that a test names, written as its source has it. Raises ValueError for one that is not known here."""
        return TypeAdapter(self._rust(rust))

    def _rust(self, text: str) -> Any:
        text = text[text.rindex("FieldType::bool()") :] if text.count("test_deserializer") else text
        if text.endswith(".as_list()"):
            return list[self._rust(text.removesuffix(".as_list()"))]  # type: ignore[misc]
        if found := re.match(r"FieldType::union\(vec!\[(.*)\]\)", text):
            return Union[tuple(map(self._rust, re.split(r",\s*(?=FieldType)", found[1])))]  # noqa: UP007
        if found := re.match(r"FieldType::map\((.*?), (FieldType.*)\)\.into\(\)", text):
            return dict[self._rust(found[1]), self._rust(found[2])]  # type: ignore[misc]
        if found := re.match(r"FieldType::List\((.*)\.into\(\)\)", text):
            return list[self._rust(found[1])]  # type: ignore[misc]
        if found := re.match(r"FieldType::(?:class|Class|Enum|r#enum)\(\"(\w+)\"", text):
            return self.named(found[1])
        if found := re.match(
            r"FieldType::(?:Primitive\(TypeValue::)?(String|Int|Float|Bool|Null)\b", text, re.IGNORECASE
        ):
            return _SIMPLE[found[1].lower()]
        raise ValueError(f"no type known for {text!r}")

    def named(self, name: str) -> Any:
        """A simple type, a class or an enum."""
        if name in _SIMPLE:
            return _SIMPLE[name]
        if name not in self._built:
            kind, body = self._blocks[name]
            self._built[name] = self._enum(body) if kind == "enum" else self._class(name, body)
        return self._built[name]

    def _enum(self, body: str) -> Any:
        names = {alias or name: name for name, alias in re.findall(r"(\w+)[^\S\n]*(?:@=(\w+))?", body)}
        return Annotated[Literal[tuple(names.values())], BeforeValidator(lambda given: names.get(given, given))]

    def _class(self, name: str, body: str) -> Any:
        fields: dict[str, Any] = {}
        for field, written, alias, pattern in _FIELD.findall(body):
            kind = self.written(written)
            more: dict[str, Any] = {"validation_alias": alias} if alias else {}
            if pattern:
                kind = Annotated[kind, AfterValidator(_matching(re.compile(self._patterns[int(pattern)])))]
            optional = type(None) in getattr(kind, "__args__", ())
            fields[field] = (kind, Field(default=None, **more) if optional else Field(**more))
        return create_model(name, **fields)

    def written(self, text: str) -> Any:
        """A type as BAML writes it: `(int | string)[]`, `Foo?`."""
        return _union(_TOKEN.findall(text.split("//")[0]), self.named)


def _union(tokens: list[str], named: Callable[[str], Any]) -> Any:
    options = [_postfixed(tokens, named)]
    while tokens and tokens[0] == "|":
        tokens.pop(0)
        options.append(_postfixed(tokens, named))
    return Union[tuple(options)]  # noqa: UP007


def _postfixed(tokens: list[str], named: Callable[[str], Any]) -> Any:
    token = tokens.pop(0)
    if token == "(":
        kind = _union(tokens, named)
        tokens.pop(0)
    else:
        kind = Literal[token.strip('"')] if token.startswith('"') else named(token)
    while tokens and tokens[0] in ("[]", "?"):
        kind = list[kind] if tokens.pop(0) == "[]" else kind | None  # type: ignore[valid-type]
    return kind


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not pattern.search(text):
            raise ValueError("does not match")
        return text

    return check
