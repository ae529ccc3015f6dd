"""Carries out what people ask of one job: each command ends in one event, durable before it is answered."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import BullpenError, Refused
from ..gateway.budget import Ledger
from ..journal.events import Entry
from ..journal.journal import Journal
from .controls import Controls
from .protocol import Approve, Asker, Budget, Cancel, Command, Pause, Reply, Request, Resume, State, Steer
from .standing import Approval


@dataclass(frozen=True, slots=True)
class Desk:
    """One job's desk. `cancel` ends the job; `check_prices` raises BadInput where no budget can be kept."""

    job: str
    controls: Controls
    journal: Journal
    ledger: Ledger
    cancel: Callable[[], None]
    check_prices: Callable[[], None]

    async def answer(self, request: Request, asker: Asker) -> Reply:
        """What came of a request; a refusal, too, is a reply."""
        try:
            if request.job != self.job:
                raise Refused(f"this is job {self.job}, not {request.job}")
            return await self._carry_out(request.command, asker)
        except BullpenError as error:
            return Reply(is_done=False, said=str(error))

    async def _carry_out(self, command: Command, asker: Asker) -> Reply:
        controls = self.controls
        if isinstance(command, State):
            return Reply(is_done=True, said=controls.state, facts={"state": controls.state, "full": controls.full})
        if controls.standing.has_ended:
            raise Refused(f"job {self.job} has ended")
        if controls.full:
            raise Refused(f"nothing was done, since it could not be put on record: {controls.full}")
        match command:
            case Pause():
                return await self._pause(asker)
            case Resume():
                return await self._resume(asker)
            case Cancel():
                return await self._cancel(asker)
            case Approve():
                return await self._approve(command, asker)
            case Steer():
                return await self._steer(command, asker)
            case Budget():
                return await self._budget(command, asker)

    async def _pause(self, asker: Asker) -> Reply:
        if self.controls.standing.is_paused:
            return Reply(is_done=True, said="it was paused already")
        await self._record("control.paused", asker)
        return Reply(
            is_done=True, said="paused: what is in flight ends, nothing new begins; its deadline keeps running"
        )

    async def _resume(self, asker: Asker) -> Reply:
        standing = self.controls.standing
        if not standing.is_paused:
            return Reply(is_done=True, said=f"it is not paused but {self.controls.state}, in process {os.getpid()}")
        await self._record("control.resumed", asker)
        return Reply(is_done=True, said="resumed")

    async def _cancel(self, asker: Asker) -> Reply:
        await self._record("control.cancelled", asker)
        self.cancel()
        return Reply(is_done=True, said="cancelled: it ends now, and its report has what was done")

    async def _approve(self, command: Approve, asker: Asker) -> Reply:
        approval = self._waiting(command.id)
        kind = "control.refused" if command.is_refused else "control.approved"
        facts = {"id": approval.id, "what": approval.what}
        await self._record(kind, asker, id=approval.id, reason=command.reason)
        return Reply(is_done=True, said=f"{kind.partition('.')[2]}: {approval.what}", facts=facts)

    def _waiting(self, name: str) -> Approval:
        """The approval that is meant: by the beginning of its id, or the only one there is."""
        waiting = self.controls.standing.waiting
        meant = [approval for approval in waiting.values() if approval.id.startswith(name)]
        if len(meant) == 1:
            return meant[0]
        there = "; ".join(f"{approval.id} ({approval.what})" for approval in waiting.values())
        if not there:
            raise Refused(f"job {self.job} waits for no approval")
        raise Refused(f"{name!r} is {len(meant)} of the approvals it waits for: {there}; name one by its id")

    async def _steer(self, command: Steer, asker: Asker) -> Reply:
        await self._record("control.steered", asker, text=command.text)
        return Reply(is_done=True, said="noted: the supervisor hears it at its next decision")

    async def _budget(self, command: Budget, asker: Asker) -> Reply:
        self.check_prices()
        ledger, was = self.ledger, self.ledger.limit
        ledger.set_limit(round(command.usd * 1e6))
        facts = {
            "usd": command.usd,
            "was_usd": None if was is None else was / 1e6,
            "spent_usd": ledger.spent / 1e6,
            "estimated_usd": ledger.estimated / 1e6,
            "reserved_usd": ledger.reserved / 1e6,
        }
        await self._record("control.budget_set", asker, **facts)
        before = "no budget" if was is None else f"${was / 1e6:.6f}"
        said = f"it may spend ${command.usd:.6f} (before: {before}); {ledger.told} is spent"
        return Reply(is_done=True, said=said, facts=facts)

    async def _record(self, kind: str, asker: Asker, **facts: Any) -> None:
        body = {**facts, "by": asker}
        self.journal.append(Entry(kind, body, task="job", sender="user", recipient="job"))
        await self.journal.commit()
