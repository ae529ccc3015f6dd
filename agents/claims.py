"""Which claims go before a model, where not all fit. Pure."""

from collections.abc import Sequence
from itertools import chain

from ..memory.context import in_turns
from ..orchestrator.evidence import Claim
from ..orchestrator.rules.tokens import estimate

#: Tokens of the marks around a claim, and around a quote.
_FRAME = 12


def fitting(groups: Sequence[Sequence[Claim]], budget: int) -> tuple[list[Claim], list[Claim]]:
    """The claims that fit a budget of tokens, in their order and each once, and those that do not.

    What metadata answers exactly is never left out. Of the others each group (best first) has its first heard before
    any has its second, so that no part of a question is lost to another.
    """
    named = [[(claim.model_dump_json(), claim) for claim in group] for group in groups]
    claims = dict(chain.from_iterable(named))
    kept = {name for name, claim in claims.items() if is_exact(claim)}
    room = budget - sum(cost(claims[name]) for name in kept)
    for name, claim in in_turns(named):
        if name not in kept and cost(claim) <= room:
            kept.add(name)
            room -= cost(claim)
    left = [claim for name, claim in claims.items() if name not in kept]
    return [claim for name, claim in claims.items() if name in kept], left


def is_exact(claim: Claim) -> bool:
    """Whether it is what metadata answers: it stands whatever a model makes of it."""
    return claim.rule is not None and bool(claim.answer)


def cost(claim: Claim) -> int:
    """The tokens of a claim as a prompt shows it: its words and its quotes."""
    quotes = sum(_FRAME + estimate(f"{quote.source} {quote.text}") for quote in claim.quotes)
    return _FRAME + estimate(claim.text) + quotes
