"""Which reply comes next: a list in its order, a function, or rules."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import Field

from .echo import echo
from .replies import Fails
from .wire import Asked, Reply

Answer = Callable[[Asked], Reply]


@dataclass(frozen=True, slots=True)
class Rule:
    """These replies, one after the other, for the requests that match; the last one again for all that follow.

    A request matches if its model fits `model` (with `*` and `?`), its messages contain `text`, and it is the
    `first_call`th to the `last_call`th of those, counted from 1.
    """

    replies: tuple[Reply, ...]
    model: str = "*"
    text: str = ""
    first_call: Annotated[int, Field(ge=1)] = 1
    last_call: Annotated[int, Field(ge=1)] | None = None

    def concerns(self, asked: Asked) -> bool:
        """Whether model and text fit."""
        return fnmatchcase(asked.model, self.model) and self.text in asked.text

    def reply(self, call: int) -> Reply | None:
        """For the `call`th request that it concerns; None where its time has not come or is over."""
        if call < self.first_call or (self.last_call is not None and call > self.last_call):
            return None
        return self.replies[min(call - self.first_call, len(self.replies) - 1)]


Script = Iterable[Reply | Rule] | Callable[[dict[str, Any]], Reply] | None


def answers(script: Script) -> Answer:
    """A function that knows what was given before. None echoes; a function gets the request's JSON body.

    A list that is used up, rules that do not match and a function that raises give HTTP 500, which says so. Raises
    TypeError for a list that mixes replies and rules, ValueError for a rule without replies.
    """
    if script is None:
        return echo
    if callable(script):
        return _by_function(script)
    items: list[Any] = list(script)
    rules = [item for item in items if isinstance(item, Rule)]
    if not rules:
        return _in_order(iter(items))
    if len(rules) < len(items):
        raise TypeError("a script is a list of replies or a list of rules; this one has both")
    if empty := [number for number, rule in enumerate(rules, 1) if not rule.replies]:
        raise ValueError(f"rule {empty[0]} has no replies; give it at least one")
    return _by_rules(rules)


def _in_order(replies: Iterator[Reply]) -> Answer:
    return lambda asked: next(replies, Fails(500, f"the script has no reply for request {asked.number}"))


def _by_function(function: Callable[[dict[str, Any]], Reply]) -> Answer:
    def answer(asked: Asked) -> Reply:
        try:
            return function(asked.body)
        except Exception as error:  # the test that sent the request must see it, not only this thread
            return Fails(500, f"the script raised {type(error).__name__}: {error}")

    return answer


def _by_rules(rules: list[Rule]) -> Answer:
    calls = [0] * len(rules)

    def answer(asked: Asked) -> Reply:
        found: Reply | None = None
        for number, rule in enumerate(rules):
            calls[number] += rule.concerns(asked)
            if found is None and rule.concerns(asked):
                found = rule.reply(calls[number])
        return found or Fails(500, f"no rule of the script is for request {asked.number} to model {asked.model!r}")

    return answer
