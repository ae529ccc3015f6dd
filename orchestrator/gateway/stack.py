"""The stack beneath every model call, composed here and nowhere else. Read it from the outside in."""

import random
from collections.abc import Sequence

from ..settings import Rung
from .attempt import Attempt
from .budget import Budget, Ledger
from .chain import Chain, Course
from .deployment import Deployment
from .fit import Fit
from .health import Health
from .limit import Limit
from .model import Model
from .pool import Pool
from .record import Record
from .stale import Recall, Stale


def compose(
    rungs: Sequence[tuple[Rung, Sequence[Deployment]]],
    ledger: Ledger,
    course: Course,
    chance: random.Random,
    recall: Recall | None = None,
) -> Model:
    """record → stale → chain (prompt) → [fit → budget → pool → [limit → health → attempt (output) → provider]]."""
    chain = Chain([(rung, _rung(deployments, ledger)) for rung, deployments in rungs], course, chance)
    tiers = {each.rung.label: each.rung.tier for _, deployments in rungs for each in deployments}
    return Record(Stale(chain, recall, course, tiers))


def _rung(deployments: Sequence[Deployment], ledger: Ledger) -> Model:
    pool = Pool([(each, Limit(Health(Attempt(each), each), each.limiter)) for each in deployments])
    return Fit(Budget(pool, deployments[0], ledger), deployments[0])
