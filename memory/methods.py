"""What is asked of a store, by its own process or by others: its methods, as they stand, are the whole protocol.

How arguments and results become JSON is read from their annotations, so that a method is written down in one place.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, NamedTuple, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ..orchestrator.errors import BadInput
from .calls import CallId
from .store import Store


class Method:
    """One of a store's methods. One that `writes` is done once, one that `waits` may take as long as it likes."""

    def __init__(self, act: Callable[..., Any], *, writes: bool = False, waits: bool = False) -> None:
        self.act, self.name, self.writes, self.waits = act, act.__name__, writes, waits

    def named(self, *args: Any, **named: Any) -> dict[str, Any]:
        """All arguments by their names, defaults among them."""
        bound = self._signature.bind(*args, **named)
        bound.apply_defaults()
        return bound.arguments

    def arguments_as_json(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments as plain values; the store's process is the one that checks them."""
        adapters = self._arguments
        return {name: _plain(adapters[name], value) for name, value in arguments.items()}

    def arguments_of_json(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """The reverse. Raises: BadInput for what this method does not take."""
        if plain.keys() != self._arguments.keys():
            raise BadInput(f"{self.name} takes {', '.join(self._arguments)}, not {', '.join(plain)}")
        try:
            return {name: adapter.validate_python(plain[name]) for name, adapter in self._arguments.items()}
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise BadInput(f"{self.name}: {first['msg']}") from error

    def result_as_json(self, result: Any) -> Any:
        return _plain(self._result, result)

    def result_of_json(self, plain: Any) -> Any:
        return self._result.validate_python(plain)

    @cached_property
    def _signature(self) -> inspect.Signature:
        whole = inspect.signature(self.act)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    @cached_property
    def _arguments(self) -> dict[str, TypeAdapter[Any]]:
        hints = get_type_hints(self.act)
        return {name: TypeAdapter(hints[name]) for name in self._signature.parameters}

    @cached_property
    def _result(self) -> TypeAdapter[Any]:
        return TypeAdapter(get_type_hints(self.act)["return"])


class Call(NamedTuple):
    """A method with its arguments. With an `id`, a write that is done once, however often it is asked for."""

    method: Method
    arguments: dict[str, Any]
    id: CallId | None = None

    def done_by(self, store: Store) -> Any:
        """What it comes to."""
        act = partial(self.method.act, store, **self.arguments)
        if self.id is None:
            return act()
        return store.once(self.id, act, self.method.result_as_json, self.method.result_of_json)


def _plain(adapter: TypeAdapter[Any], value: Any) -> Any:
    return adapter.dump_python(value, mode="json", warnings=False)


_Acts = tuple[Callable[..., Any], ...]
_READ: _Acts = (Store.search, Store.explain, Store.neighbours, Store.rarity, Store.mentions, Store.select)
_READ += (
    Store.files,
    Store.duplicates,
    Store.cards,
    Store.fields,
    Store.look_up,
    Store.closeness,
    Store.source,
    Store.read,
    Store.recall,
    Store.stored,
    Store.remarks,
    Store.export_sources,
    Store.export_notes,
)
_WRITE: _Acts = (
    Store.ingest,
    Store.keep_files,
    Store.retain,
    Store.add,
    Store.resolve,
    Store.forget,
    Store.forget_source,
)
_WAIT: _Acts = (Store.settle, Store.rebuild)

METHODS: Mapping[str, Method] = {
    act.__name__: Method(act, writes=act in _WRITE, waits=act in _WAIT) for act in _READ + _WRITE + _WAIT
}
