"""The analyze worker: findings in, one ordered set of claims out, with what disagrees and what is missing."""

from pydantic import Field

from ..orchestrator.errors import NothingFound
from ..orchestrator.evidence import Claim, Disagreement, Finding, Query, Value
from ..orchestrator.worker import Context, Worker


class Conflict(Value):
    """Numbered claims that cannot all be true, and what they are about."""

    about: str
    claims: tuple[int, ...] = Field(min_length=2)


class Judgement(Value):
    """Which numbered claims answer the question, best first and none twice, and what they leave open."""

    keep: tuple[int, ...]
    conflicts: tuple[Conflict, ...] = ()
    missing: tuple[str, ...] = ()
    #: Questions that another search could answer.
    follow_ups: tuple[str, ...] = Field(default=(), max_length=4)


class Analysis(Value):
    """The claims that a report can be written from."""

    claims: tuple[Claim, ...]
    disagreements: tuple[Disagreement, ...] = ()
    missing: tuple[str, ...] = ()
    follow_ups: tuple[str, ...] = ()


class Analyze(Worker):
    """Merges what was found: the best first, nothing twice, with what disagrees and what is missing."""

    async def run(self, task: Query, ctx: Context) -> Analysis:
        findings = [result.read(Finding) for result in ctx.results]
        claims = list(dict.fromkeys(claim.model_dump_json() for finding in findings for claim in finding.claims))
        numbered = [Claim.model_validate_json(claim) for claim in claims]
        judged = await ctx.ask("analyze", returns=Judgement, question=task.question, claims=numbered)
        kept = _numbered(judged.keep, numbered)
        if not kept:
            raise NothingFound("; ".join(judged.missing) or "none of the findings answers the question")
        conflicts = [Disagreement(about=c.about, sides=_numbered(c.claims, numbered)) for c in judged.conflicts]
        disagreements = tuple(conflict for conflict in conflicts if len(conflict.sides) > 1)
        return Analysis(claims=kept, disagreements=disagreements, missing=judged.missing, follow_ups=judged.follow_ups)


def _numbered(numbers: tuple[int, ...], claims: list[Claim]) -> tuple[Claim, ...]:
    """The claims of these numbers, from 1, each once; a number that nobody has is left out."""
    return tuple(claims[n - 1] for n in dict.fromkeys(numbers) if 1 <= n <= len(claims))
