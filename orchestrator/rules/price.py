"""What a call costs and what it could cost at most, in whole micro-dollars. Pure.

A price in USD per million tokens is the same number in micro-dollars per token.
"""

import math
from typing import NamedTuple


class Prices(NamedTuple):
    """USD per million tokens, in and out."""

    in_usd: float
    out_usd: float

    def cost(self, tokens_in: int, tokens_out: int) -> int:
        """Micro-dollars, rounded up."""
        return math.ceil(tokens_in * self.in_usd + tokens_out * self.out_usd)

    def worst_case(self, text_bytes: int, tokens_out_most: int) -> int:
        """The most that a request can cost: no tokenizer makes more tokens of a text than it has bytes."""
        return self.cost(text_bytes, tokens_out_most)


def told_usd(usd: float, estimated_usd: float, *, places: int = 4) -> str:
    """An amount of USD for people, and how much of it is an estimate."""
    told = f"${usd:.{places}f}"
    return f"{told} (${estimated_usd:.{places}f} of it estimated)" if estimated_usd else told
