"""How many tokens a text has, without tokenizer or network, and what a provider says of its bound. Pure."""

import math
import re

#: Tokens of one kind of character, as common byte-pair vocabularies cut them; see `benchmarks/output/tokens.py`.
_PER_WORD_CHARACTER = 0.25
_RUN = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]", re.ASCII)
#: What frames one message: its role and the marks around it.
PER_MESSAGE = 4
#: No model's context is smaller; an HTTP status is.
_LEAST = 600
#: A count that stands beside the word for it: "8192 tokens", "limit of 8,192", "n_ctx: 4096".
_BOUND = re.compile(
    r"(?:maximum|max|limit|length|window|n_ctx|size)\D{0,40}?(\d[\d,]{2,9})|(\d[\d,]{2,9})\s*(?:-?token|maximum)",
    re.IGNORECASE,
)


def estimate(text: str) -> int:
    """About how many tokens the text has; rather a few too many."""
    tokens = 0.0
    for run in _RUN.findall(text):
        if not run.isascii():
            tokens += 1.2
        elif run[0].isalpha():
            tokens += max(1.0, len(run) * _PER_WORD_CHARACTER)
        else:
            tokens += max(1.0, len(run) / 3)
    return math.ceil(tokens)


def bound_in(complaint: str) -> int | None:
    """The bound that a provider names when it calls a question too long; None where it names none.

    Of several numbers the smallest: the other one is what was sent.
    """
    found = [int((first or second).replace(",", "")) for first, second in _BOUND.findall(complaint)]
    return min((number for number in found if number >= _LEAST), default=None)
