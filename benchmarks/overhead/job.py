"""The one job that every peer performs, and the pure function that answers it.

    plan (1) -> search (4, parallel) -> summarize (4, parallel) -> analyze (1) -> refine (1)

11 model calls, critical path of 5 sequential hops.  Standard library only:
this module is imported by the server and by every peer, in every venv.
"""

import zlib

ROLES = ("planner", "search", "summarize", "analyze", "refine")
FANOUT = 4
CALLS_PER_JOB = 3 + 2 * FANOUT
HOPS = 5

#: What an agent is told about itself (system prompt / instructions).
INSTRUCTIONS = {
    "planner": "You are the supervisor. Split the topic into four search queries, one per line.",
    "search": "You are a search worker. Return what you find for the query.",
    "summarize": "You are a summarizing worker. Condense the search result.",
    "analyze": "You are an analyst. Compare the four summaries.",
    "refine": "You are an editor. Polish the analysis into the final answer.",
}


def prompt(role: str, payload: str) -> str:
    """User message for one step."""
    return f"[[role:{role}]] <<<{payload}>>>"


def parse_prompt(text: str) -> tuple[str, str]:
    """Last role marker and last payload in the request's text."""
    i = text.rindex("[[role:") + 7
    j = text.rindex("<<<") + 3
    return text[i : text.index("]]", i)], text[j : text.index(">>>", j)]


_FILL = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor " * 20


def _crc(s: str) -> str:
    return f"{zlib.crc32(s.encode()):08x}"


def reply(role: str, payload: str) -> str:
    """What the model says: a pure function of the step and its input."""
    if role == "planner":
        return "\n".join(f"{payload} aspect {i}" for i in range(FANOUT))
    if role == "search":
        return f"RESULT[{payload}] {_FILL[:1000].strip()}"
    if role == "summarize":
        return f"SUMMARY[{_crc(payload)}] {payload[:200].strip()}"
    if role == "analyze":
        return f"ANALYSIS[{payload.count('SUMMARY[')}:{_crc(payload)}] {_FILL[:600].strip()}"
    if role == "refine":
        return f"FINAL[{_crc(payload)}] {payload[:300].strip()}"
    raise ValueError(f"unknown role {role!r}")


def queries(plan: str) -> list[str]:
    """The supervisor's own code: the plan's lines are the four delegated tasks."""
    q = [line.strip() for line in plan.splitlines() if line.strip()]
    if len(q) != FANOUT:
        raise ValueError(f"plan has {len(q)} lines")
    return q


def join(summaries: list[str]) -> str:
    """The analyst's input."""
    return "\n".join(summaries)


def expected(topic: str) -> str:
    """The right final answer, computed without any model."""
    s = [reply("summarize", reply("search", q)) for q in queries(reply("planner", topic))]
    return reply("refine", reply("analyze", join(s)))
