"""How a request is put into words for the rung that it goes to."""

from .form import form_of
from .model import Request
from .templates import Message, render


def worded(request: Request) -> tuple[Message, ...]:
    """The messages for the request's rung, without what was said about earlier answers.

    A provider that is given the schema is not told it in words as well, unless the prompt leaves out some of its keys.
    """
    assert request.rung is not None, "the chain gives every request its rung"
    system, user = render(request.template, request.inputs)
    if request.form is None:
        return system, user
    form, is_given = form_of(request.form), not request.is_prompted and request.rung.schema_mode != "prompted"
    if is_given and not request.is_corrected and form.is_named_in(system.content):
        return system, user
    return Message("system", f"{system.content}\n\n{form.words}"), user
