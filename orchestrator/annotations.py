"""What the annotations of a function or a class mean, also where they are postponed and name what is in no module."""

import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any

#: What to do about a name in an annotation that nobody knows.
DEFINE = "define it at the top of the module, or before that in the same function"


def names_around(defined: Callable[..., Any], owner: type | None = None) -> dict[str, Any]:
    """The names that a function or a class was defined among, beside its module's: those of its owner, and those of the
    functions and classes around it that have not returned yet. Source: PEP 563, "Resolving type hints at runtime".
    """
    defined = inspect.unwrap(defined)
    module = vars(sys.modules[defined.__module__]) if isinstance(defined, type) else defined.__globals__
    found: dict[str, Any] = dict(vars(owner)) if owner else {}
    frame = sys._getframe(1)
    while frame is not None:
        is_around = defined.__qualname__.startswith(f"{frame.f_code.co_qualname}.")
        if is_around and frame.f_globals is module:
            found = {**frame.f_locals, **found}
        frame = frame.f_back  # type: ignore[assignment]
    return found


def hints_of(function: Callable[..., Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """The types of a function's arguments and of what it returns. Raises NameError for a name that is not known yet."""
    return typing.get_type_hints(function, localns=dict(names), include_extras=True)
