"""The layer that turns a prompt's name and inputs into messages."""

from .model import Completion, Model, Request
from .templates import render


class Prompt:
    """Renders the request's template. What is sent is on record with each attempt."""

    def __init__(self, inner: Model) -> None:
        self._inner = inner

    async def complete(self, request: Request) -> Completion:
        """The answer to the rendered messages."""
        messages = render(request.template, request.inputs, request.form)
        return await self._inner.complete(request._replace(messages=messages))
