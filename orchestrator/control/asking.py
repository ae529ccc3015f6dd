"""What a job asks of people: leave to do something, and what else they have said. Both are steps, so that a resumed job
goes by the answers it has had."""

from typing import Any

import anyio

from ..errors import Refused
from ..ids import StepKey
from ..journal.step import StepKind, Steps
from .controls import Controls
from .standing import Answer

APPROVAL = StepKind(None, "approval.answered", "approval.failed")
STEERING = StepKind(None, "steering.read", "steering.failed")
#: The longest that leave is waited for, unless something else is said, in seconds.
APPROVAL_S = 3600.0
_ID = 8


async def ask_leave(
    steps: Steps, controls: Controls, what: str, details: dict[str, Any], *, within_s: float = APPROVAL_S
) -> None:
    """Return when a person has approved. Raises Refused when one refused, or nobody answered in time."""

    async def effect(key: StepKey) -> Answer:
        name = key[:_ID]
        if name not in controls.standing.answers:
            asked = {"id": name, "what": what, "details": details, "within_s": within_s}
            steps.note("approval.asked", asked, step=key, recipient="user")
        try:
            with anyio.fail_after(within_s):
                return await controls.answer(name)
        except TimeoutError:
            raise Refused(f"nobody approved {what!r} within {within_s:g} s") from None
        finally:
            if name in controls.standing.waiting:
                steps.note("approval.withdrawn", {"id": name}, step=key)

    args = {"what": what, "details": details}
    answer = await steps.run(APPROVAL, "user", args, effect, lambda body: Answer(**body), Answer._asdict)
    if answer.is_refused:
        raise Refused(f"{what!r} was refused" + (f": {answer.reason}" if answer.reason else ""))


async def read_notes(steps: Steps, controls: Controls) -> tuple[str, ...]:
    """What people have told the job since this was last asked, oldest first."""

    async def effect(_: StepKey) -> tuple[str, ...]:
        return tuple(controls.standing.notes)

    return await steps.run(STEERING, "user", None, effect, tuple)
