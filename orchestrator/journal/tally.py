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
    #: How much of it is an estimate: the most it could be, where what was charged is not known.
    estimated_micro_usd: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    lanes: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    #: How requests ended that gave no good answer.
    poor: Counter[str] = field(default_factory=Counter)
    #: Why the run is worse than it could be, and the tasks that felt it, in order.
    reasons: dict[str, dict[str, None]] = field(default_factory=dict)
    #: Micro-dollars by the worker that asked.
    by_sender: Counter[str] = field(default_factory=Counter)
    #: By epoch, when its owner's first event and its last one so far were put on record, by the clock of the last.
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def degraded(self) -> tuple[str, ...]:
        """Every reason once, with the tasks it touched."""
        return tuple(f"{reason}{_touched(list(tasks))}" for reason, tasks in self.reasons.items())

    @property
    def seconds(self) -> float:
        """How long its owners have worked on it, each from its first event to its last so far."""
        return sum(last - first for first, last in self.spans.values()) / 1000

    def hear(self, event: Event) -> None:
        """Count one event."""
        first, last = self.spans.get(event.epoch) or (event.at_ms, event.at_ms)
        # Where the clock was set back meanwhile, so is the beginning: what had been worked by then still counts.
        self.spans[event.epoch] = first - max(0, last - event.at_ms), event.at_ms
        match event.kind:
            case "model.attempted":
                self._attempted(event)
            case "model.answered":
                self._answered(event)
            case "rung.refused":
                self.reasons.setdefault(f"rung {event.value['rung']}: {event.value['mend']}", {})
            case "memory.degraded":
                self.reasons.setdefault(event.value["reason"], {})[event.task] = None
            case "loop.stalled":
                stalled = event.value
                self.reasons.setdefault(f"loop stalled in worker {stalled['worker']!r} at {stalled['at']}", {})
            case "tool.answered" | "tool.failed":
                self.tool_calls += 1
            case _:
                return

    def _attempted(self, event: Event) -> None:
        attempt = event.value
        if attempt["outcome"] == "stale_connection":
            return  # it came to nobody
        self.model_calls += 1
        if attempt["outcome"] != "ok":
            self.poor[attempt["outcome"]] += 1
        if why := attempt.get("estimated"):  # older runs do not say
            self.estimated_micro_usd += attempt["micro_usd"]
            self.reasons.setdefault(f"the cost is estimated: rung {attempt['rung']}: {why}", {})[event.task] = None
        self.micro_usd += attempt["micro_usd"]
        self.by_sender[event.sender] += attempt["micro_usd"]
        self.tokens_in += attempt["usage"]["tokens_in"]
        self.tokens_out += attempt["usage"]["tokens_out"]

    def _answered(self, event: Event) -> None:
        receipt = event.value["receipt"]
        for reason in receipt["degraded"]:
            self.reasons.setdefault(reason, {})[event.task] = None
        for attempt in receipt["attempts"][-1:]:
            if attempt["outcome"] == "ok":
                self.lanes[attempt["lane"]] += 1
                self.models[attempt["model"] or attempt["rung"]] += 1


def _touched(tasks: list[str]) -> str:
    match tasks:
        case []:
            return ""
        case [only]:
            return f" (in {only})"
        case [first, *more]:
            return f" (in {first} and {len(more)} more)"
    raise AssertionError
