"""The fault matrix, rows 1 to 45: what a provider does, and what must come of it. Data, no code that runs.

Each case has a first rung with the fault and, unless it says otherwise, a second one that is well. `first` are the
outcomes of the attempts at the first rung, in order; `by` who answers: `first`, `second`, or nobody (then the call ends
in the named error); `sees` what the person who asked must be able to read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.testing.provider import Reply, Says, calls
from bullpen.orchestrator.testing.provider.faults import FAULTS

#: What both rungs say when they are well.
WELL = Says('{"name": "a", "size": 1}')


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the matrix. `replies` are given in order, the last for ever; an address stands for no server."""

    row: int
    name: str
    replies: Sequence[Reply] = ()
    first: tuple[Outcome, ...] = ()
    by: Literal["first", "second", "error"] = "second"
    sees: str = ""
    modes: tuple[Literal["plain", "stream"], ...] = ("plain", "stream")
    #: Whether an answer with a schema is asked for.
    typed: bool = False
    #: How often the call is made, each time with another question; `hits_most` bounds the requests of all together.
    calls: int = 1
    hits_most: int | None = None
    #: What is set of the first rung, and whether there is a second one.
    rung: Mapping[str, Any] = field(default_factory=dict)
    alone: bool = False
    #: A name in `ADDRESSES` instead of a server that replies.
    address: str = ""
    #: What the call may take, and bounds on how long it then takes, in seconds.
    deadline_s: float = 20.0
    least_s: float = 0.0
    most_s: float | None = None


def _fault(row: int, name: str, first: tuple[Outcome, ...], **how: Any) -> Case:
    fault = FAULTS[name]
    modes = tuple(mode for mode, has in (("plain", fault.plain), ("stream", fault.stream)) if has)
    after = how.pop("then", ())
    return Case(row, how.pop("called", name), (fault.reply(), *after), first, **{"modes": modes, **how})


def _split(row: int, name: str, plain: tuple[Outcome, ...], stream: tuple[Outcome, ...], **how: Any) -> list[Case]:
    """One fault whose outcome depends on whether it is met in a stream."""
    return [_fault(row, name, plain, modes=("plain",), **how), _fault(row, name, stream, modes=("stream",), **how)]


_LIMITED, _ERROR = (Outcome.RATE_LIMITED,), (Outcome.SERVER_ERROR,)
_IN_200 = (Outcome.ERROR_IN_200,)
_OUT = "second answered, not first: first {}"

TRANSPORT = [
    _fault(1, "rate_limited", (Outcome.RATE_LIMITED, Outcome.OK), then=[WELL], by="first", least_s=1.0),
    _fault(1, "rate_limited", _LIMITED, called="rate_limited, no time left", deadline_s=0.9, most_s=0.9),
    *(
        _fault(2, name, _LIMITED, calls=2, hits_most=1, sees="cooling for", most_s=0.9)
        for name in ("retry_after_long", "retry_after_date", "retry_after_year_9999")
    ),
    *(
        _fault(2, name, (Outcome.RATE_LIMITED, Outcome.OK), then=[WELL], by="first", least_s=1.5)
        for name in ("retry_after_ms", "retry_after_fraction")
    ),
    *(
        _fault(2, name, (Outcome.RATE_LIMITED, Outcome.OK), then=[WELL], by="first", most_s=0.9)
        for name in ("retry_after_garbage", "retry_after_negative")
    ),
    _fault(3, "rate_limited_bare", 3 * _LIMITED, sees=_OUT.format("rate_limited")),
    _fault(4, "no_quota", (Outcome.NO_QUOTA,), calls=3, hits_most=1, sees="no credit left"),
    _fault(5, "server_error", 3 * _ERROR, sees=_OUT.format("server_error")),
    *(_fault(6, name, 3 * _ERROR, calls=30, hits_most=8) for name in ("bad_gateway", "unavailable", "overloaded")),
    _fault(7, "gateway_timeout", 2 * (Outcome.SERVER_TIMED_OUT,)),
    *(
        _fault(8, name, (Outcome.KEY_REFUSED,), calls=3, hits_most=1, sees="set FIRST_KEY")
        for name in ("key_refused", "forbidden")
    ),
    _fault(
        8,
        "key_refused",
        (Outcome.KEY_REFUSED,),
        called="key_refused, nobody else",
        alone=True,
        by="error",
        sees="set FIRST_KEY",
    ),
    _fault(9, "no_such_model", (Outcome.NO_SUCH_MODEL,), calls=3, hits_most=1, sees="mend `model` or `base_url`"),
    Case(10, "unknown_host", first=(Outcome.UNREACHABLE,), address="unknown_host"),
    Case(11, "refused", first=(Outcome.UNREACHABLE,), address="refused", most_s=0.9),
    Case(
        12,
        "black_hole",
        first=(Outcome.UNREACHABLE,),
        address="black_hole",
        rung={"timeout_s": 20.0, "first_s": 20.0},
        most_s=6.0,
    ),
    Case(13, "self_signed", first=(Outcome.UNTRUSTED,), address="self_signed"),
    Case(13, "expired", first=(Outcome.UNTRUSTED,), address="expired"),
    *_split(14, "hang", (Outcome.TIMED_OUT,), (Outcome.STALLED,)),
    *_split(15, "drip", (Outcome.TIMED_OUT,), (Outcome.STALLED,)),
    _fault(15, "stream_drip", (Outcome.STALLED,)),
    *_split(15, "keep_alive", (Outcome.TIMED_OUT,), (Outcome.STALLED,)),
    *(_fault(16, name, 3 * (Outcome.CUT,)) for name in ("dropped", "reset_mid_body")),
    _fault(17, "short_body", 3 * (Outcome.CUT,), modes=("plain",)),
    _fault(18, "truncated_json", 2 * (Outcome.NOT_JSON,), modes=("plain",)),
    *_split(19, "invalid_utf8", 2 * (Outcome.NOT_JSON,), 3 * (Outcome.CUT,)),
    _fault(20, "html", 2 * (Outcome.NOT_JSON,)),
    *_split(20, "empty_body", 2 * (Outcome.NOT_JSON,), 3 * (Outcome.CUT,)),
    _fault(21, "error_in_200", 3 * _IN_200),
    *(_fault(22, name, (Outcome.REDIRECTED,)) for name in ("redirect", "redirect_see_other")),
    _fault(23, "flood", (Outcome.TOO_LARGE,), rung={"timeout_s": 20.0}),
    _fault(24, "gzip_bomb", (Outcome.TOO_LARGE,), rung={"timeout_s": 20.0}),
    _fault(24, "gzip_unasked", (Outcome.OK,), by="first"),
]

STREAMS = [
    _fault(25, "cut_before_first", 3 * (Outcome.CUT,)),
    _fault(26, "cut_mid_stream", (Outcome.INTERRUPTED,)),
    _fault(27, "no_finish", (Outcome.INTERRUPTED,)),
    _fault(27, "no_finish_reason", (Outcome.OK,), by="first", modes=("plain",)),
    _fault(27, "no_finish_reason", (Outcome.INTERRUPTED,), modes=("stream",)),
    _fault(28, "stall", (Outcome.STALLED,)),
    *_split(28, "stall_mid_body", (Outcome.TIMED_OUT,), (Outcome.STALLED,)),
    _fault(29, "broken_event", (Outcome.INTERRUPTED,)),
    _fault(29, "error_in_stream", (Outcome.INTERRUPTED,)),
    _fault(29, "error_first", 3 * _IN_200),
    *(_fault(29, name, (Outcome.OK,), by="first") for name in ("odd_pieces", "no_done")),
]

MONEY = [
    *(
        _fault(30, name, (Outcome.OK,), by="first", sees="estimated")
        for name in ("no_usage", "negative_usage", "absurd_usage", "worded_usage")
    ),
    _fault(31, "other_model", (Outcome.OK,), by="first", sees="its tier is not known"),
    _fault(
        33, "unavailable", 3 * _ERROR, called="everybody is down", alone=True, by="error", sees="first server_error"
    ),
]

CONTENT = [
    *_split(34, "no_choices", 2 * (Outcome.EMPTY,), 3 * (Outcome.CUT,)),
    *_split(34, "missing_choices", 2 * (Outcome.EMPTY,), 3 * (Outcome.CUT,)),
    *(_fault(35, name, 2 * (Outcome.EMPTY,)) for name in ("null_content", "empty_content")),
    *(_fault(36, name, (Outcome.REFUSED,)) for name in ("refusal", "content_filter", "content_policy")),
    Case(36, "refusal in words", [Says("I'm sorry, but I can't help with that.")], (Outcome.REFUSED,)),
    _fault(36, "refusal", (Outcome.REFUSED,), called="refusal, nobody else", alone=True, by="error", sees="refused"),
    _fault(37, "length", (Outcome.TRUNCATED, Outcome.OK), called="length, once", then=[WELL], by="first"),
    _fault(37, "length", 2 * (Outcome.TRUNCATED,)),
    _fault(
        37,
        "length",
        2 * (Outcome.TRUNCATED,),
        called="length, nobody else",
        alone=True,
        by="first",
        sees="cut its answer short",
    ),
    _fault(
        38,
        "wrong_schema",
        (Outcome.OFF_SCHEMA, Outcome.OK),
        called="wrong_schema, once",
        then=[WELL],
        by="first",
        typed=True,
    ),
    _fault(38, "wrong_schema", 3 * (Outcome.OFF_SCHEMA,), typed=True),
    Case(
        39, "json_in_prose", [Says('Sure! {"name": "a", "size": 1} Anything else?')], (Outcome.OK,), "first", typed=True
    ),
    Case(39, "json_in_fences", [Says('```json\n{"name": "a", "size": 1}\n```')], (Outcome.OK,), "first", typed=True),
    *(
        Case(39, name, [Says(text)], 3 * (Outcome.OFF_SCHEMA,), typed=True)
        for name, text in {
            "two_objects": '{"name": "a", "size": 1}\n{"name": "b", "size": 2}',
            "duplicate_keys": '{"name": "a", "size": 1, "size": 2}',
            "nan": '{"name": "a", "size": NaN}',
        }.items()
    ),
    *(_fault(40, name, 3 * (Outcome.OFF_SCHEMA,), typed=True) for name in ("deep_json", "long_number")),
    *(_fault(41, name, (Outcome.OK,), by="first") for name in ("lone_surrogate", "control_characters")),
    _fault(41, "long_line", (Outcome.TOO_LARGE,), rung={"timeout_s": 20.0}),
    *(
        _fault(
            42,
            "unknown_tool",
            2 * (Outcome.UNKNOWN_TOOL,),
            called=f"unknown_tool, {mode}",
            typed=True,
            rung={"schema_mode": mode},
        )
        for mode in ("native", "tool")
    ),
    *(
        Case(
            43, name, [calls("answer", arguments)], 3 * (Outcome.OFF_SCHEMA,), typed=True, rung={"schema_mode": "tool"}
        )
        for name, arguments in {"broken arguments": '{"name": "a', "wrong arguments": [1, None]}.items()
    ),
]

CONTEXT = [
    *(
        _fault(45, name, (Outcome.TOO_LONG,), sees="first too_long")
        for name in FAULTS
        if name.startswith("context_") and name != "context_unknown_wording"
    ),
    # What nobody can recognise is a request that was refused: said aloud, and prevented where the size is known.
    _fault(45, "context_unknown_wording", (Outcome.BAD_REQUEST,), sees="first bad_request"),
    Case(45, "counted before sending", [WELL], (), sees="there is room for", rung={"context_tokens": 12}),
    Case(
        45,
        "too long for all",
        [WELL],
        (),
        by="error",
        sees="there is room for",
        rung={"context_tokens": 12},
        alone=True,
    ),
]

CASES = [*TRANSPORT, *STREAMS, *MONEY, *CONTENT, *CONTEXT]
