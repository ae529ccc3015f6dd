"""What stands around a running worker, so that whatever it does is only a failed attempt with a name."""

import asyncio
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..codec import NotKept, decoded, encoded, misfit
from ..envelope import Failure, Result, Status, Task
from ..errors import BudgetExceeded, NothingFound, Refused
from ..worker import Context, Contract
from .frame import Code, Ended, Frame, Frames


@dataclass(frozen=True, slots=True)
class Guarded:
    """How a piece of someone's code ended: a value, or a status with the failure."""

    status: Status
    value: Any = None
    failure: Failure | None = None


async def guard(frames: Frames, frame: Frame, code: Code) -> Guarded:
    """Run someone's code so that whatever it raises, swallows or never ends is only a failed frame.

    Only a cancellation of the caller passes through.
    """
    return judge(await frames.run(frame, code), frame.timeout_s)


def judge(ended: Ended, timeout_s: float) -> Guarded:
    """What an ending means. Pure."""
    if ended.given_up:
        return _failed(
            "GivenUp", f"did not stop when its {timeout_s:g} s were over and was given up at {ended.given_up}"
        )
    if ended.is_late:
        return _failed("TimedOut", f"did not return in {timeout_s:g} s")
    match ended.error:
        case None:
            return Guarded(Status.OK, ended.value)
        case NothingFound() as nothing:
            return Guarded(Status.EMPTY, failure=Failure(type="NothingFound", detail=str(nothing), retryable=False))
        case BudgetExceeded() as error:
            failure = Failure(type="BudgetExceeded", detail=str(error), retryable=False)
            return Guarded(Status.OVER_BUDGET, failure=failure)
        case Exception() as error:
            return _failed(type(error).__name__, str(error)[:500], retryable=not isinstance(error, Refused))
        case asyncio.CancelledError():
            return _failed("CancelledError", "was cancelled by its own code, not by us")
        case error:
            return _failed(type(error).__name__, f"raised {type(error).__name__} by itself")


def _failed(kind: str, detail: str, *, retryable: bool = True) -> Guarded:
    return Guarded(Status.FAILED, failure=Failure(type=kind, detail=detail, retryable=retryable))


async def attempt(frames: Frames, frame: Frame, contract: Contract, task: Task, ctx: Context) -> Result:
    """One attempt at a task, from plain input to plain output, whatever the worker does."""

    async def run() -> Any:
        try:
            given = decoded(contract.input, task.input)
        except ValidationError as error:
            raise Refused(f"the input does not fit worker {contract.name!r}: {misfit(error, 'input')}") from error
        output = await contract.worker().run(given, ctx)
        try:
            return encoded(contract.output, output)
        except NotKept as error:
            raise Refused(f"what worker {contract.name!r} returned cannot be handed on: {error}") from error

    ended = await guard(frames, frame, run)
    return Result(task=task.id, worker=contract.name, status=ended.status, output=ended.value, failure=ended.failure)
