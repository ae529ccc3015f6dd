"""A model that says what it is told to: no socket, no thread, so that it also runs on virtual time."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import anyio

from ..gateway.model import Card, Completion, Request, Usage
from ..ids import compact
from ..rules.outcome import Outcome
from ..settings import Rung

Answer = Callable[[Request], Any]


class ScriptedModel:
    """Answers each prompt from `answers`: a value, an exception to raise, a Completion, or a function of the request.

    Text is the answer as it is, anything else its JSON. `requests` keeps what was asked, in order. Give
    `lambda rung: model` to a Team as the provider of some prefix.
    """

    def __init__(self, answers: Mapping[str, Any] | Answer, *, delay_s: float = 0.0, card: Card | None = None) -> None:
        self._answers, self._delay_s, self._card = answers, delay_s, card or Card()
        self.requests: list[Request] = []

    def __call__(self, rung: Rung) -> "ScriptedModel":
        """This model, as a provider factory."""
        return self

    async def complete(self, request: Request) -> Completion:
        """The scripted answer; `unsupported` for a prompt that the script does not have."""
        self.requests.append(request)
        await anyio.sleep(self._delay_s)
        answer = self._answers(request) if callable(self._answers) else self._answers.get(request.prompt, _nothing)
        if callable(answer) and not isinstance(answer, type):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        name = request.rung.model_name if request.rung else "scripted"
        if isinstance(answer, Completion):
            return replace(answer, model=answer.model or name)
        text = answer if isinstance(answer, str) else compact(answer)
        asked = sum(len(message.content) for message in request.messages)
        usage = Usage(max(1, asked // 4), max(1, len(text) // 4))
        return Completion(Outcome.OK, text=text, model=name, finish_reason="stop", usage=usage)

    async def card(self) -> Card:
        """The prices and the size it was made with."""
        return self._card

    async def aclose(self) -> None:
        """Nothing to let go of."""


def _nothing(request: Request) -> Completion:
    return Completion(Outcome.UNSUPPORTED, detail=f"the script has no answer for prompt {request.prompt!r}")
