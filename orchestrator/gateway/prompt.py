"""The layer that turns a prompt's name and inputs into messages."""

from dataclasses import replace

from .model import Completion, Model, Request
from .templates import render


class Prompt:
    """Renders the request's template and puts what will be sent on record."""

    def __init__(self, inner: Model) -> None:
        self._inner = inner

    async def complete(self, request: Request) -> Completion:
        """The answer to the rendered messages."""
        messages = render(request.template, request.inputs, request.schema)
        template = request.template
        shown = {"prompt": template.name, "version": template.version, "hash": template.hash}
        body = {**shown, "messages": messages}
        request.steps.note("model.prompted", body, step=request.step, recipient="gateway")
        return await self._inner.complete(replace(request, messages=messages))
