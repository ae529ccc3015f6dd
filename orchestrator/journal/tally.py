"""What a run has cost and who answered, counted from its events as they come. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from .events import Event


@dataclass(slots=True)
class Tally:
    """Give it every event of a run, live or read back; the totals are the same."""

    model_calls: int = 0
    tool_calls: int = 0
    micro_usd: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    lanes: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    #: Why the run is worse than it could be: every fallback, in order.
    degraded: list[str] = field(default_factory=list)
    #: Micro-dollars by the worker that asked.
    by_sender: Counter[str] = field(default_factory=Counter)

    def hear(self, event: Event) -> None:
        """Count one event."""
        match event.kind:
            case "model.attempted":
                self._attempted(event)
            case "model.answered":
                self._answered(event)
            case "tool.answered" | "tool.failed":
                self.tool_calls += 1
            case _:
                return

    def _attempted(self, event: Event) -> None:
        attempt = event.value
        self.model_calls += 1
        self.micro_usd += attempt["micro_usd"]
        self.by_sender[event.sender] += attempt["micro_usd"]
        self.tokens_in += attempt["usage"]["tokens_in"]
        self.tokens_out += attempt["usage"]["tokens_out"]
        if attempt["outcome"] == "ok":
            self.lanes[attempt["lane"]] += 1
            self.models[attempt["model"] or attempt["rung"]] += 1

    def _answered(self, event: Event) -> None:
        receipt = event.value["receipt"]
        tried = list(dict.fromkeys(attempt["rung"] for attempt in receipt["attempts"]))
        if len(tried) > 1:
            outcomes = ", ".join(f"{attempt['rung']} {attempt['outcome']}" for attempt in receipt["attempts"])
            reason = f"fallback in {event.task}: {outcomes}"
            if reason not in self.degraded:
                self.degraded.append(reason)
