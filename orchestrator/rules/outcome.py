"""Whether an answer is good, and what is done when it is not: one table. Pure.

The table is the specification of every layer beneath a call: what may be asked again, of whom, changed how, what it
says of the deployment's health, and whether it can have cost anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How one attempt at a model call ended."""

    OK = "ok"
    # transport
    RATE_LIMITED = "rate_limited"
    NO_QUOTA = "no_quota"
    SERVER_ERROR = "server_error"
    ERROR_IN_200 = "error_in_200"
    SERVER_TIMED_OUT = "server_timed_out"
    UNREACHABLE = "unreachable"
    STALE_CONNECTION = "stale_connection"
    UNTRUSTED = "untrusted"
    TIMED_OUT = "timed_out"
    STALLED = "stalled"
    CUT = "cut"
    INTERRUPTED = "interrupted"
    TOO_LARGE = "too_large"
    REDIRECTED = "redirected"
    NOT_JSON = "not_json"
    BROKEN = "broken"
    # content
    EMPTY = "empty"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    # contract
    OFF_SCHEMA = "off_schema"
    UNKNOWN_TOOL = "unknown_tool"
    NO_SCHEMA_MODE = "no_schema_mode"
    FIELD_REFUSED = "field_refused"
    UNSUPPORTED = "unsupported"
    # fit
    TOO_LONG = "too_long"
    # ended by whoever asked
    CANCELLED = "cancelled"
    # not asked at all
    COOLING = "cooling"
    # ours to mend
    KEY_REFUSED = "key_refused"
    NO_SUCH_MODEL = "no_such_model"
    BAD_REQUEST = "bad_request"

    @property
    def rule(self) -> "Rule":
        """What is done after it."""
        return RULES[self]


class Change(StrEnum):
    """How a request is changed before the same rung is asked again."""

    NONE = "none"
    #: With the answer and what was wrong with it.
    CORRECTED = "corrected"
    #: With room for a longer answer.
    LONGER = "longer"
    #: With fewer inputs, by the prompt's own policy.
    SHORTER = "shorter"
    #: With the schema in the prompt alone.
    PROMPTED = "prompted"
    #: Not at all, but over a connection that is opened for it.
    RECONNECTED = "reconnected"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done after one outcome. After the last of `again` the next rung is asked."""

    #: How often the same rung is asked again after this outcome, while another rung could be asked.
    again: int = 0
    #: How often, where this rung is the last.
    again_last: int = 0
    change: Change = Change.NONE
    #: Whether somebody has to recover first: then asking again waits.
    waits: bool = False
    #: What it says of the deployment: True is well, False is a failure that its breaker counts, None is neither.
    is_well: bool | None = True
    #: Whether it is known that nothing was charged: only then does a reservation flow back unspent. Where it is not
    #: known and no tokens were counted, the cost is estimated.
    is_free: bool = False
    #: Whether it is one of the attempts that a rung has: not where no model was asked, for a reason that ends with it.
    is_counted: bool = True
    #: Whether the deployment is left alone for the rest of the job.
    is_out: bool = False
    #: What we can do about it, where it is ours to mend; `{key}` is the key's variable.
    mend: str = ""


#: One row for each outcome. Asking again costs time and money, so it is done where it is likely to help.
#:
#: Free is what never came to a model, or was answered with a status that says so: providers charge for tokens, and an
#: HTTP error has none. Not known is what ended before its answer had come, whoever ended it: a gateway's own time-out
#: (504, 408) and an error after a 200 may stand in front of a model that has worked.
RULES: Mapping[Outcome, Rule] = {
    Outcome.OK: Rule(),
    Outcome.RATE_LIMITED: Rule(2, 2, waits=True, is_well=None, is_free=True),
    Outcome.NO_QUOTA: Rule(
        is_well=None,
        is_free=True,
        is_out=True,
        mend="the account of {key} has no credit left: add some, or set another key",
    ),
    Outcome.SERVER_ERROR: Rule(2, 2, waits=True, is_well=False, is_free=True),
    Outcome.ERROR_IN_200: Rule(2, 2, waits=True, is_well=False),
    Outcome.SERVER_TIMED_OUT: Rule(1, 1, waits=True, is_well=False),
    Outcome.UNREACHABLE: Rule(0, 2, waits=True, is_well=False, is_free=True),
    # A server may close a connection that nobody uses at any time, so it says nothing of the server: RFC 9112 §9.3.1.
    Outcome.STALE_CONNECTION: Rule(1, 1, Change.RECONNECTED, is_well=None, is_free=True, is_counted=False),
    Outcome.UNTRUSTED: Rule(is_well=False, is_free=True),
    Outcome.TIMED_OUT: Rule(0, 1, is_well=False),
    Outcome.STALLED: Rule(0, 1, is_well=False),
    Outcome.CUT: Rule(2, 2, waits=True, is_well=False),
    Outcome.INTERRUPTED: Rule(0, 1, waits=True, is_well=False),
    Outcome.TOO_LARGE: Rule(),
    Outcome.REDIRECTED: Rule(is_well=None, is_free=True),
    Outcome.NOT_JSON: Rule(1, 2, waits=True, is_well=False),
    Outcome.BROKEN: Rule(is_well=False),
    Outcome.EMPTY: Rule(1, 2),
    Outcome.REFUSED: Rule(),
    Outcome.TRUNCATED: Rule(1, 1, Change.LONGER),
    Outcome.OFF_SCHEMA: Rule(2, 2, Change.CORRECTED),
    Outcome.UNKNOWN_TOOL: Rule(1, 1, Change.CORRECTED),
    Outcome.NO_SCHEMA_MODE: Rule(1, 1, Change.PROMPTED, is_free=True, is_counted=False),
    # Its deployment remembers the field, so that the same request goes out without it: each field is refused once.
    Outcome.FIELD_REFUSED: Rule(8, 8, is_free=True, is_counted=False),
    Outcome.UNSUPPORTED: Rule(is_free=True),
    Outcome.TOO_LONG: Rule(1, 2, Change.SHORTER, is_free=True),
    Outcome.CANCELLED: Rule(is_well=None),
    Outcome.COOLING: Rule(0, 2, waits=True, is_well=None, is_free=True),
    Outcome.KEY_REFUSED: Rule(
        is_well=None, is_free=True, is_out=True, mend="the key was refused: set {key} to a valid one"
    ),
    Outcome.NO_SUCH_MODEL: Rule(
        is_well=None,
        is_free=True,
        is_out=True,
        mend="there is no such model or address: mend `model` or `base_url` of the rung",
    ),
    Outcome.BAD_REQUEST: Rule(
        is_well=None, is_free=True, mend="the request was refused: mend the rung's settings or the prompt"
    ),
}

#: How many rungs may refuse before a call is given up: a third opinion is shopping around.
REFUSALS_MOST = 2


def of_status(status: int) -> Outcome:
    """The outcome that an HTTP status names. Source: RFC 9110 §15, RFC 6585 §4."""
    match status:
        case 200:
            return Outcome.OK
        case 401 | 403:
            return Outcome.KEY_REFUSED
        case 402:
            return Outcome.NO_QUOTA
        case 404 | 405 | 410:
            return Outcome.NO_SUCH_MODEL
        case 408 | 504:
            return Outcome.SERVER_TIMED_OUT
        case 413:
            return Outcome.TOO_LONG
        case 429:
            return Outcome.RATE_LIMITED
        case _ if 300 <= status < 400:
            return Outcome.REDIRECTED
        case _ if 400 <= status < 500:
            return Outcome.BAD_REQUEST
        case _ if status >= 500:
            return Outcome.SERVER_ERROR
        case _:  # a success of another kind: no answer, and no word that nothing was done
            return Outcome.NOT_JSON


def of_content(text: str | None, finish_reason: str | None, refusal: str | None = None) -> Outcome:
    """The outcome of an answer that arrived whole, before anybody has parsed it.

    Some servers give a whole answer no finish reason; whether a stream is whole, its reader knows.
    """
    if refusal or finish_reason == "content_filter":
        return Outcome.REFUSED
    if finish_reason == "length":
        return Outcome.TRUNCATED
    if text is None or not text.strip():
        return Outcome.EMPTY
    return Outcome.OK
