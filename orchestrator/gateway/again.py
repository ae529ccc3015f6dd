"""How a request is changed before the same rung is asked again. Pure."""

from ..rules.outcome import Change
from ..rules.tokens import PER_MESSAGE, bound_in, estimate
from .model import Completion, Request
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
            return request._replace(tokens_in_most=_shorter(request, completion))
        case Change.PROMPTED:
            prompted = request._replace(is_prompted=True)
            return prompted._replace(messages=(*worded(prompted), *request.messages[2:]))
        case Change.RECONNECTED:
            return request._replace(is_reconnected=True)


def _correction(completion: Completion) -> tuple[Message, ...]:
    problem = f"That did not match the schema: {completion.detail}."
    again = f"{problem} Answer again with the corrected JSON value and nothing else."
    said = (Message("assistant", completion.text),) if completion.text else ()
    return *said, Message("user", again)


def _shorter(request: Request, completion: Completion) -> int:
    """The tokens that the question may have: what the provider says fits, less the answer, else a good deal less."""
    sent = sum(estimate(message.content) + PER_MESSAGE for message in request.messages)
    assert request.rung is not None, "the chain gives every request its rung"
    if bound := bound_in(completion.detail):
        answer = min(request.tokens_out_most or request.rung.tokens_out_most, bound // 2)
        return min(bound - answer, round(_SURE * sent))
    return round(_SHORTER * sent)
