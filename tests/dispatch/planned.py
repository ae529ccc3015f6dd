"""A supervisor that does the plan it was made with."""

from collections.abc import Sequence

from bullpen.orchestrator.envelope import Result
from bullpen.orchestrator.rules.plan import Plan
from bullpen.orchestrator.settings import Settings
from bullpen.orchestrator.worker import Context, Contract


class Planned:
    """Does the plan it was made with, once."""

    def __init__(self, plan: Plan) -> None:
        self.made = plan

    def __call__(self, workers: Sequence[Contract], settings: Settings) -> "Planned":
        return self

    async def brief(self, question: str, ctx: Context) -> str:
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        return self.made

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        return None
