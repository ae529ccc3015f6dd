"""How long to wait before a deployment is asked again. Pure: time and chance are in the values."""

import random

#: A provider that asks for a longer wait than this is left alone instead, in seconds.
PATIENCE_S = 60.0
#: The longest wait of our own choosing, before chance is added, in seconds.
_MOST_S = 4.0


def wait_s(n: int, *, base_s: float, asked_s: float | None, chance: random.Random) -> float:
    """The seconds to wait before the n-th repetition (from 0): never less than the provider asked for.

    Without its word: between b and 2 b, where b is `base_s` doubled n times, at most 4 s; chance keeps callers that
    failed together from coming back together.
    """
    step_s = min(base_s * 2**n, _MOST_S)
    if asked_s is not None:
        return asked_s + chance.uniform(0.0, min(base_s, 0.1 * asked_s))
    return chance.uniform(step_s, 2 * step_s)


def is_worth_it(seconds: float, *, left_s: float) -> bool:
    """Whether waiting that long leaves time to ask again and is not beyond patience."""
    return seconds <= PATIENCE_S and seconds < left_s
