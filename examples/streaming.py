"""A worker that shows its answer while it streams: `python examples/streaming.py`.

It needs no key: a provider on this machine answers, and breaks off once. Name a rung of yours in its place.
"""

from bullpen import Context, Piece, Plan, PlannedTask, Rung, Settings, Team, Worker, research_sync
from bullpen.orchestrator.testing.provider import Cut, Says, ScriptedProvider


class Explain(Worker):
    """Explains something to a newcomer in two sentences."""

    async def run(self, task: str, ctx: Context) -> str:
        return await ctx.ask("explain", question=task, watch=show)


def show(piece: Piece) -> None:
    """Print a piece; after one that is `interrupted` all that was shown is void, and the answer starts anew."""
    print("... it broke off; once more:\n" if piece.interrupted else piece.text, end="", flush=True)


class OneTask:
    """The least that a supervisor can be: the question is the one task."""

    async def brief(self, question: str, ctx: Context) -> str:
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        return Plan(tasks=(PlannedTask(id="explain-1", worker="explain", input=brief),))

    async def review(self, brief: str, results: object, ctx: Context) -> None:
        return None


if __name__ == "__main__":
    answer = Says("A lease is a message on loan. It comes back unless somebody says that it is done.")
    with ScriptedProvider([Cut(answer, after_chunks=8), answer]) as provider:
        settings = Settings(rungs=(Rung(model="openai_http:small", base_url=provider.url),))
        report = research_sync("What is a lease?", team=Team(lambda *_, **__: OneTask(), (Explain,)), settings=settings)
    print(f"\n{report.status}, {report.calls.model} requests")
