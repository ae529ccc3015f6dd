"""Whether an answer is good, and who is asked next when it is not. Pure."""

from enum import StrEnum


class Outcome(StrEnum):
    """How one attempt at a model call ended."""

    OK = "ok"
    # transport
    RATE_LIMITED = "rate_limited"
    NO_QUOTA = "no_quota"
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    CUT = "cut"
    TOO_LARGE = "too_large"
    REDIRECTED = "redirected"
    NOT_JSON = "not_json"
    # content
    EMPTY = "empty"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    # contract
    OFF_SCHEMA = "off_schema"
    UNSUPPORTED = "unsupported"
    # ours to mend
    KEY_REFUSED = "key_refused"
    NO_SUCH_MODEL = "no_such_model"
    BAD_REQUEST = "bad_request"

    @property
    def is_ours(self) -> bool:
        """Whether the mistake is on our side: then no other rung is asked, so that it is seen and mended."""
        return self in (Outcome.KEY_REFUSED, Outcome.NO_SUCH_MODEL, Outcome.BAD_REQUEST)

    @property
    def is_certain(self) -> bool:
        """Whether it is known that nothing was charged: only then does a reservation flow back unspent."""
        return self.is_ours or self in (Outcome.RATE_LIMITED, Outcome.NO_QUOTA, Outcome.UNSUPPORTED)


def of_status(status: int) -> Outcome:
    """The outcome that an HTTP status names. Source: RFC 9110 §15, RFC 6585 §4."""
    match status:
        case 200:
            return Outcome.OK
        case 401 | 403:
            return Outcome.KEY_REFUSED
        case 402:
            return Outcome.NO_QUOTA
        case 404:
            return Outcome.NO_SUCH_MODEL
        case 408 | 504:
            return Outcome.TIMED_OUT
        case 413:
            return Outcome.TOO_LARGE
        case 429:
            return Outcome.RATE_LIMITED
        case _ if 300 <= status < 400:
            return Outcome.REDIRECTED
        case _ if 400 <= status < 500:
            return Outcome.BAD_REQUEST
        case _:
            return Outcome.SERVER_ERROR


def of_content(text: str | None, finish_reason: str | None, refusal: str | None = None) -> Outcome:
    """The outcome of an answer that arrived whole, before anybody has parsed it."""
    if refusal or finish_reason == "content_filter":
        return Outcome.REFUSED
    if finish_reason == "length":
        return Outcome.TRUNCATED
    if not finish_reason:
        return Outcome.CUT
    if text is None or not text.strip():
        return Outcome.EMPTY
    return Outcome.OK
