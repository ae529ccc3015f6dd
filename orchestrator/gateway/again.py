"""How a request is changed before the same rung is asked again. Pure."""

from ..rules.outcome import Change
from ..rules.tokens import PER_MESSAGE, bound_in, estimate
from .model import SCHEMA, Completion, Request
from .prompt import worded
from .templates import Message

#: How much longer an answer may be the second time.
_LONGER = 2
#: How much of what was too long is tried next, where the provider does not say what fits.
_SHORTER = 0.6
#: Our count is an estimate: what the provider called too long is cut by this much at least.
_SURE = 0.9


def changed(request: Request, completion: Completion) -> Request:
    """The request as it is sent again after this completion."""
    match completion.outcome.rule.change:
        case Change.NONE:
            return request
        case Change.CORRECTED:
            corrected = request._replace(is_corrected=True)
            said = (*request.messages[2:], *_correction(completion))
            return corrected._replace(messages=(*worded(corrected), *said))
        case Change.LONGER:
            assert request.rung is not None, "the chain gives every request its rung"
            most = request.tokens_out_most or request.rung.tokens_out_most
            return request._replace(tokens_out_most=most * _LONGER)
        case Change.SHORTER:
            return _shorter(request, completion)
        case Change.PROMPTED:
            return prompted(request)
        case Change.RECONNECTED:
            return request._replace(is_reconnected=True)


def prompted(request: Request) -> Request:
    """The request with its schema in words alone."""
    in_words = request._replace(is_prompted=True)
    return in_words._replace(messages=(*worded(in_words), *request.messages[2:]))


def taken(request: Request, without: frozenset[str]) -> Request:
    """The request as a server takes it, which does not take these fields (`Deployment.without`)."""
    request = request._replace(without=without)
    return prompted(request) if SCHEMA in without and request.form is not None and not request.is_prompted else request


def _correction(completion: Completion) -> tuple[Message, ...]:
    problem = f"That did not match the schema: {completion.detail}."
    again = f"{problem} Answer again with the corrected JSON value and nothing else."
    said = (Message("assistant", completion.text),) if completion.text else ()
    return *said, Message("user", again)


def _shorter(request: Request, completion: Completion) -> Request:
    """The request with a question that fits, as far as the provider says what does, else with a good deal less of it.

    Room that is asked for the answer is part of what was too long: it is given up first, to half of what there is.
    """
    sent = sum(estimate(message.content) + PER_MESSAGE for message in request.messages)
    assert request.rung is not None, "the chain gives every request its rung"
    most = request.tokens_out_most or request.rung.tokens_out_most
    bound = bound_in(completion.detail)
    if not bound:
        return request._replace(tokens_in_most=round(_SHORTER * sent))
    if most > bound // 2:
        return request._replace(tokens_out_most=bound // 2, tokens_in_most=bound - bound // 2)
    return request._replace(tokens_in_most=min(bound - most, round(_SURE * sent)))
