"""What an answer says that arrived whole, whatever it came as. Pure: the one reader of both network lanes."""

from dataclasses import replace
from typing import Any

from ...rules.outcome import Outcome
from ..model import Completion
from .complaint import message_of, outcome_of
from .openai_shape import HEARD_MOST, Answer, Asked, decoded, failed, read_value
from .retry_after import retry_after_s
from .sse import Events, begins_events
from .streamed import Streamed


def read(answer: Answer, asked: Asked) -> Completion:
    """What an answer that arrived whole says; a stream that nobody asked for too.

    `detail` may repeat what the provider wrote: pass it through `without` before anyone sees it.
    """
    status, headers, content, _ = answer
    if 300 <= status < 400:
        return Completion(Outcome.REDIRECTED, detail=f"HTTP {status} to {headers.get('location', 'nowhere')}")
    if (packed := headers.get("content-encoding", "identity")) != "identity":
        return Completion(Outcome.NOT_JSON, detail=f"the answer is packed with {packed}")
    value: Any = None
    try:
        value = decoded(content)
    except ValueError as error:
        if status == 200:
            is_stream = begins_events(content)
            return _heard(content, asked) if is_stream else _not_json(str(error), content)
    return read_value(value, asked) if status == 200 else _failure(answer, value, asked)


def models_in(answer: Answer) -> tuple[str, ...] | Completion:
    """The ids of the models in the answer to `GET /models`; a Completion that says why there is none."""
    failure = read(answer, Asked())
    if answer.status != 200 or failure.outcome is Outcome.NOT_JSON:
        return failure
    match decoded(answer.content):
        case {"data": [*models]}:
            listed = [each.get("id") for each in models if isinstance(each, dict)]
            if names := tuple(name for name in listed if isinstance(name, str) and name):
                return names
    return Completion(Outcome.NO_SUCH_MODEL, detail="the server lists no model; name one in the rung")


def _heard(content: bytes, asked: Asked) -> Completion:
    """What a stream comes to whose events are all there."""
    streamed = Streamed(asked)
    try:
        for data in Events().feed(content):
            streamed.take(data)
    except ValueError as error:
        return Completion(Outcome.TOO_LARGE, detail=str(error))
    return streamed.ended()


def _not_json(why: str, content: bytes) -> Completion:
    return Completion(Outcome.NOT_JSON, detail=f"{why}: {_excerpt(content)}")


def _failure(answer: Answer, value: Any, asked: Asked) -> Completion:
    status, headers, content, wall_ms = answer
    said = message_of(value) if isinstance(value, dict | list) and value else _excerpt(content)
    outcome = outcome_of(status, value, has_schema=asked.has_schema)
    detail = f"HTTP {status}; {said}" if said else f"HTTP {status}"
    completion = failed(status, said if value is None else value, outcome, asked, detail)
    return replace(completion, retry_after_s=retry_after_s(headers, wall_ms))


def _excerpt(content: bytes) -> str:
    return content[:HEARD_MOST].decode(errors="backslashreplace")
