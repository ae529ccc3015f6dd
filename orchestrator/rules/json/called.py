"""Calls of tools that a model wrote as text, since its server did not read them as calls. Pure.

Written as an object with a name and its arguments, as Hermes, Qwen, Mistral and Llama write them between marks of
their own, or as elements, as Qwen3-Coder does.
"""

import re
from collections.abc import Mapping
from typing import Any

from .decode import Refused, decode

#: What the arguments are called, and what may stand beside them and the name.
_ARGUMENTS = ("arguments", "parameters", "input")
_BESIDE = {"name", "type", "id", "index", "recipient_name"}
_FUNCTION = re.compile(r"<function=[^>\s]+>\s*(<parameter=.*?)\s*</function>", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", re.DOTALL)


def arguments_in(value: Any, keys: set[str]) -> Any:
    """The arguments, where the value is one call and the answer has none of the `keys` that make it one; else None."""
    match value:
        case [dict() as call]:
            return arguments_in(call, keys)
        case {"tool_calls": [dict() as call]} if "tool_calls" not in keys:
            return arguments_in(call, keys)
        case {"function": {"name": str()} as call} if "function" not in keys:
            return arguments_in(call, keys)
        case {"name": str()} | {"recipient_name": str()}:
            named = [name for name in value if name not in _BESIDE]
            is_call = len(named) == 1 and named[0] in _ARGUMENTS and named[0] not in keys
            return _read(value[named[0]]) if is_call else None
    return None


def parameters_in(text: str) -> dict[str, Any] | None:
    """The parameters of the one call that stands in the text as elements; None where there is none, or several."""
    calls = _FUNCTION.findall(text)
    if len(calls) != 1:
        return None
    parts = _PARAMETER.findall(calls[0])
    found = {name: _read(part) for name, part in parts}
    return found if len(found) == len(parts) > 0 else None


def keys_of(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> set[str]:
    """The keys of the answer itself, or of its items, in any of its forms."""
    definitions = schema.get("$defs", {}) if definitions is None else definitions
    if path := schema.get("$ref"):
        return keys_of(definitions.get(path.rpartition("/")[2], {}), definitions)
    forms = [form for name in ("anyOf", "oneOf", "allOf") for form in schema.get(name, ())]
    forms += [schema["items"]] if isinstance(schema.get("items"), Mapping) else []
    return set(schema.get("properties", ())).union(*(keys_of(form, definitions) for form in forms))


def _read(written: Any) -> Any:
    """What is written as JSON, read; a text that is none, as it is."""
    if not isinstance(written, str):
        return written
    try:
        return decode(written)
    except (ValueError, Refused):
        return written
