"""The layer that decides who is asked, how often, and when: the rungs in order, until one gives a good answer.

The only place that asks again: a retry, a re-ask with what was wrong and a lower rung are all steps of this loop, and
each passes through budget and limit again. What may be done says `rules/outcome.py`, how long is waited
`rules/backoff.py`.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio

from ..clock import monotonic_s
from ..errors import BudgetExceeded, Misconfigured, Overloaded
from ..rules.backoff import is_worth_it, wait_s
from ..rules.outcome import REFUSALS_MOST, Outcome
from ..settings import Rung
from .again import changed
from .call_time import CallTime
from .model import Attempt, Completion, Model, Piece, Receipt, Request, Sendings
from .prompt import worded


@dataclass(frozen=True, slots=True)
class Course:
    """What a chain goes by, the same for all calls of a job. `chains`, `floors` and `ceilings` are by role."""

    chains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    floors: Mapping[str, int] = field(default_factory=dict)
    ceilings: Mapping[str, int] = field(default_factory=dict)
    backoff_s: float = 0.5
    timeout_s: float = 300.0

    def floor(self, request: Request) -> int:
        """The tier beneath which this request is not answered."""
        return max(request.floor, self.floors.get(request.role, 0))

    def serving(self, role: str, rungs: Sequence[Rung], other_than: str = "") -> tuple[Rung, ...]:
        """The rungs that are turned to for a role, in order: as its chain names them, else as they are given.

        Where the role has no chain of its own, the rung `other_than` comes last: a second opinion is another's where
        there is another.
        """
        own = self.chains.get(role)
        names = own or self.chains.get("default") or [rung.label for rung in rungs]
        by_name = {rung.label: rung for rung in rungs}
        order = tuple(by_name[name] for name in names)
        return order if own else tuple(sorted(order, key=lambda rung: rung.label == other_than))

    def why_not(self, rung: Rung, role: str, floor: int = 0, ceiling: int = 9) -> str:
        """Why the rung may not serve a call of this role between these tiers; "" where it may."""
        floor = max(floor, self.floors.get(role, 0))
        ceiling = min(ceiling, self.ceilings.get(role, 9))
        if rung.roles and role not in rung.roles:
            return f"{rung.label} does not serve role {role!r}"
        if not floor <= rung.tier <= ceiling:
            return f"{rung.label} is of tier {rung.tier}; this call needs {floor} to {ceiling}"
        return ""


class Chain:
    """Rungs, best first, each with the layers beneath it. A fallback is on the receipt, never silent."""

    def __init__(self, rungs: Sequence[tuple[Rung, Model]], course: Course, chance: random.Random) -> None:
        self._rungs = tuple(rung for rung, _ in rungs)
        self._models = {rung.label: model for rung, model in rungs}
        self._course, self._chance = course, chance

    async def complete(self, request: Request) -> Completion:
        """The first good answer, else the last poor one.

        Raises Misconfigured where every rung that was asked named a mistake of ours, and BudgetExceeded or Overloaded
        when that is all that kept the rungs from being asked.
        """
        most_s = self._course.timeout_s if request.within_s is None else min(request.within_s, self._course.timeout_s)
        call = _Call(request, CallTime(most_s, request.deadline_s))
        serving = self._course.serving(request.role, self._rungs, request.other_than)
        rungs = [(rung, self._models[rung.label]) for rung in serving if call.admits(rung, self._course)]
        await self._descend(call, rungs)
        while (ready_in_s := call.ready_in_s()) is not None:
            cooling = call.cool_at_s.keys()
            call.cool_at_s = {}
            wait_s = ready_in_s + self._chance.uniform(0.0, self._course.backoff_s)
            await anyio.sleep(min(wait_s, call.left_s()))
            await self._descend(call, [(rung, model) for rung, model in rungs if rung.label in cooling])
        return call.ended()

    async def _descend(self, call: "_Call", rungs: Sequence[tuple[Rung, Model]]) -> None:
        """Ask one rung after the other until an answer is good or nobody is left who could give one."""
        for n, (rung, model) in enumerate(rungs):
            try:
                await self._ask(call, rung, model, is_last=n + 1 == len(rungs))
            except (BudgetExceeded, Overloaded) as error:
                call.pass_over(rung, error)
                continue
            if call.is_over():
                return

    async def _ask(self, call: "_Call", rung: Rung, model: Model, *, is_last: bool) -> None:
        """Ask one rung as often as its outcomes allow."""
        request, seen = call.request_to(rung), call.seen[rung.label]
        while _sent(seen) < rung.attempts_most:
            completion = Completion(Outcome.TIMED_OUT, detail="its time was over while it waited")
            with call.time.scope():
                completion = await model.complete(request)
            call.heard(rung, completion)
            rule = completion.outcome.rule
            # Turned away from what is not worth waiting for: as if it had been asked, and had failed.
            is_turned_away = completion.outcome is Outcome.COOLING and completion.retry_after_s is None
            if not completion.receipt.attempts and not is_turned_away:
                return
            if completion.outcome is Outcome.OK:
                return
            n = seen.count(completion.outcome)
            seen.append(completion.outcome)
            is_elsewhere = rule.is_out and completion.retry_after_s == 0.0  # another deployment can be asked
            if not is_elsewhere and n >= (rule.again_last if is_last else rule.again):
                return
            if _sent(seen) >= rung.attempts_most:
                return
            pause_s = self._pause_s(completion, n)
            if not is_worth_it(pause_s, left_s=call.left_s()):
                return
            if pause_s:
                await anyio.sleep(pause_s)
            request = changed(request, completion)

    def _pause_s(self, completion: Completion, n: int) -> float:
        if not completion.outcome.rule.waits:
            return 0.0
        return wait_s(n, base_s=self._course.backoff_s, asked_s=completion.retry_after_s, chance=self._chance)


def _sent(seen: Sequence[Outcome]) -> int:
    """How many of a rung's attempts are used up."""
    return sum(outcome.rule.is_counted for outcome in seen)


class _Call:
    """One call on its way down the rungs: who was asked, what came of it, and why others were not."""

    def __init__(self, request: Request, time: CallTime) -> None:
        self._request, self.time, self._is_shown = request, time, False
        self._completions: list[tuple[Rung, Completion]] = []
        #: Why rungs were not asked, each reason once, in order.
        self._passed_over: dict[str, None] = {}
        #: Which rungs were turned to, and what came of it unless it was good, each once, in order.
        self._turned_to: dict[str, None] = {}
        self._story: dict[str, None] = {}
        self._held_back: BudgetExceeded | Overloaded | None = None
        self._watch_error: Exception | None = None
        #: By rung, how its attempts ended.
        self.seen: defaultdict[str, list[Outcome]] = defaultdict(list)
        #: When the rungs that are cooling can be asked, on the event loop's clock.
        self.cool_at_s: dict[str, float] = {}

    def request_to(self, rung: Rung) -> Request:
        """What this rung is asked, in words, before anything is asked again."""
        watch = self._show if self._request.watch else None
        request = self._request._replace(rung=rung, time=self.time, watch=watch, sendings=Sendings())
        return request._replace(messages=worded(request))

    def admits(self, rung: Rung, course: Course) -> bool:
        """Whether the rung may serve this call at all."""
        request = self._request
        why_not = course.why_not(rung, request.role, request.floor, request.ceiling)
        if why_not:
            self._passed_over[why_not] = None
        return not why_not

    def pass_over(self, rung: Rung, error: BudgetExceeded | Overloaded) -> None:
        """A bound of ours kept the rung from being asked."""
        self._held_back = error
        self._passed_over[f"{rung.label}: {error}"] = None
        self._turned_to[rung.label] = None
        why = "overloaded" if isinstance(error, Overloaded) else "over budget"
        self._story[f"{rung.label} {why}"] = None

    def heard(self, rung: Rung, completion: Completion) -> None:
        """An answer, good or poor. What was shown of a poor one is void. Raises what the watcher of a stream raised."""
        if self._watch_error is not None:
            raise self._watch_error
        self._completions.append((rung, completion))
        self._turned_to[rung.label] = None
        if completion.outcome is not Outcome.OK:
            self._story[f"{rung.label} {completion.outcome}"] = None
        if completion.outcome is Outcome.COOLING and completion.retry_after_s is not None:
            self.cool_at_s[rung.label] = monotonic_s() + completion.retry_after_s
        if not completion.receipt.attempts:
            self._passed_over[f"{rung.label}: {completion.detail or completion.outcome}"] = None
        if self._is_shown and self._request.watch and completion.outcome is not Outcome.OK:
            self._is_shown = False
            self._request.watch(Piece(rung=rung.label, interrupted=True))

    def is_over(self) -> bool:
        """Whether no other rung is to be asked."""
        outcomes = [completion.outcome for _, completion in self._completions]
        return Outcome.OK in outcomes or outcomes.count(Outcome.REFUSED) >= REFUSALS_MOST or self.left_s() <= 0

    def left_s(self) -> float:
        """The seconds until its deadline."""
        return self.time.until_s - monotonic_s()

    def ready_in_s(self) -> float | None:
        """How long to wait for the first of the rungs that are cooling; None where that is not worth it."""
        if self.is_over() or self._cut_short() or not self.cool_at_s:
            return None
        wait_s = max(0.0, min(self.cool_at_s.values()) - monotonic_s())
        return wait_s if is_worth_it(wait_s, left_s=self.left_s()) else None

    def ended(self) -> Completion:
        """What the caller gets. Raises where the reason is ours or a bound, and not the models'."""
        good = next((each for each in self._completions if each[1].outcome is Outcome.OK), None)
        if good is None and (good := self._cut_short()) is not None and self._request.watch:
            self._request.watch(Piece(good[1].text, good[0].label))  # when it was shown it was called void
        if good is not None:
            return replace(good[1], receipt=self._receipt(*good))
        if self._held_back is not None and not self._is_late():
            raise self._held_back
        if not self._completions:
            detail = "; ".join(self._passed_over) or f"no rung serves role {self._request.role!r}"
            return Completion(Outcome.UNSUPPORTED, detail=detail, receipt=Receipt(passed_over=tuple(self._passed_over)))
        ours = {rung.label: c.detail for rung, c in self._completions if c.outcome.rule.mend}
        if len(ours) == len({rung.label for rung, _ in self._completions}):
            raise Misconfigured("; ".join(f"rung {label!r}: {detail}" for label, detail in ours.items()))
        last = self._completions[-1][1]
        return replace(last, receipt=Receipt(self._attempts, tuple(self._passed_over)))

    def _is_late(self) -> bool:
        """Whether it was to end within a time of its own, which is over: then that is why there is no answer."""
        return self._request.within_s is not None and self.left_s() <= 0

    def _cut_short(self) -> tuple[Rung, Completion] | None:
        """The longest text that was cut at the bound on its tokens: better than nothing where text is all we want."""
        cut = [each for each in self._completions if each[1].outcome is Outcome.TRUNCATED and each[1].text.strip()]
        if not cut or self._request.returns is not None:
            return None
        rung, completion = max(cut, key=lambda each: len(each[1].text))
        receipt = replace(completion.receipt, degraded=(f"{rung.label} cut its answer short at its bound of tokens",))
        return rung, replace(completion, outcome=Outcome.OK, receipt=receipt)

    @property
    def _attempts(self) -> tuple[Attempt, ...]:
        return tuple(attempt for _, completion in self._completions for attempt in completion.receipt.attempts)

    def _receipt(self, answered: Rung, completion: Completion) -> Receipt:
        first = next(iter(self._turned_to))
        is_stand_in = first != answered.label
        told = f"{answered.label} answered, not {first}: {', '.join(self._story)}"
        return Receipt(
            attempts=self._attempts,
            passed_over=tuple(self._passed_over),
            degraded=(*((told,) if is_stand_in else ()), *completion.receipt.degraded),
            rung=answered.label,
            tier=answered.tier,
            is_stand_in=is_stand_in,
        )

    def _show(self, piece: Piece) -> None:
        assert self._request.watch is not None
        self._is_shown = True
        try:
            self._request.watch(piece)
        except Exception as error:
            self._watch_error = error  # the caller's own, not the provider's
            raise
