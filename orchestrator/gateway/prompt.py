"""How a request is put into words for the rung that it goes to."""

from .model import Request
from .templates import Message, names_keys, render


def worded(request: Request) -> tuple[Message, ...]:
    """The messages for the request's rung, without what was said about earlier answers.

    A provider that is given the schema is not told it in words as well, unless the prompt leaves out some of its keys.
    """
    assert request.rung is not None, "the chain gives every request its rung"
    form, is_given = request.form, not request.is_prompted and request.rung.schema_mode != "prompted"
    messages = render(request.template, request.inputs, None)
    if form is None or (is_given and not request.is_corrected and names_keys(messages[0].content, form)):
        return messages
    return render(request.template, request.inputs, form)
