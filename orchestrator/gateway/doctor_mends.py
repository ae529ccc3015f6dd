"""What to do about each outcome, for a person who has just set up a rung. Pure.

What is ours to mend says `rules/outcome.py`; here is the rest, and what more can be read from the details.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from ..rules.outcome import Outcome
from ..rules.own_server import has_version
from ..settings import Rung
from .model import Completion

#: By outcome, where its rule names no mend.
_MENDS: Mapping[Outcome, str] = {
    Outcome.RATE_LIMITED: "wait {wait} and ask again; requests_per_minute and tokens_per_minute keep jobs within it",
    Outcome.SERVER_ERROR: "the provider is in trouble: ask again later",
    Outcome.SERVER_TIMED_OUT: "the provider is too slow just now: ask again later",
    Outcome.ERROR_IN_200: "the provider is in trouble: ask again later",
    Outcome.UNREACHABLE: "start the server at {address}, or mend base_url",
    Outcome.UNTRUSTED: "{address} has no certificate we trust: mend base_url, or this machine's clock or certificates",
    Outcome.TIMED_OUT: "give it longer with --timeout, or use a faster model",
    Outcome.STALLED: "give it longer with first_s and idle_s, or use a faster model",
    Outcome.STALE_CONNECTION: "the server at {address} closes connections between requests: ask again",
    Outcome.CUT: "the connection to {address} broke: ask again, and look at what stands between",
    Outcome.INTERRUPTED: "the connection to {address} broke: ask again, and look at what stands between",
    Outcome.TOO_LARGE: "mend base_url: what answers at {address} is no model",
    Outcome.REDIRECTED: "set base_url to the address it points to, if your prompts may go there",
    Outcome.NOT_JSON: "mend base_url: what answers at {address} is no OpenAI-compatible interface (most end in /v1)",
    Outcome.BROKEN: "mend the provider's code, or use another one",
    Outcome.CANCELLED: "ask again",
    Outcome.EMPTY: "use another model: this one says nothing",
    Outcome.REFUSED: "use another model: this one refuses what anybody may ask",
    Outcome.TRUNCATED: "raise tokens_out_most",
    Outcome.OFF_SCHEMA: 'set schema_mode = "tool" or "prompted", or use a more capable model',
    Outcome.UNKNOWN_TOOL: 'set schema_mode = "native" or "prompted"',
    Outcome.NO_SCHEMA_MODE: 'set schema_mode = "prompted"',
    Outcome.FIELD_REFUSED: "set drop_params to the fields that it refuses",
    Outcome.UNSUPPORTED: "use another model: this one cannot do what was asked",
    Outcome.TOO_LONG: "use another model: not even a greeting fits this one",
    Outcome.COOLING: "wait until it may be asked again",
}


def mend_of(rung: Rung, heard: Completion, key_variable: str = "") -> str:
    """What to do after this outcome; "" where all is well."""
    if heard.outcome is Outcome.OK:
        return ""
    words = _by_detail(rung, heard) or heard.outcome.rule.mend or _MENDS[heard.outcome]
    wait = f"{heard.retry_after_s:.0f} s" if heard.retry_after_s is not None else "a little"
    address = address_of(rung) or "the provider"
    return words.format(key=key_variable or "the provider's key variable", wait=wait, address=address)


def address_of(rung: Rung) -> str:
    """The rung's address without the name and the password that it may hold; "" where it has none."""
    url = urlsplit(rung.base_url or "")
    return url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _by_detail(rung: Rung, heard: Completion) -> str:
    """What the details and the address tell beyond the outcome."""
    detail = heard.detail
    match heard.outcome:
        case Outcome.NO_SUCH_MODEL if rung.base_url and not has_version(rung.base_url):
            return "mend base_url: {address} has no interface that we know (most end in /v1), or mend model"
        case Outcome.EMPTY if "it thought" in detail:
            return "raise tokens_out_most, or have the server think less: all that it said was thinking"
        case Outcome.KEY_REFUSED if "HTTP 403" in detail:
            return "the key in {key} may not do this: give it the right to use the model, or set another key"
        case Outcome.UNREACHABLE if "DNS" in detail or "Name or service" in detail or "getaddrinfo" in detail:
            return "no such host as in {address}: mend base_url, or this machine's name server"
        case Outcome.UNREACHABLE if "Timeout" in detail:
            return "{address} does not take the connection: look at firewall, proxy and base_url"
    return ""
