"""The stack beneath every model call, composed here and nowhere else. Read it from the outside in."""

from collections.abc import Mapping, Sequence

from ..settings import Rung
from .attempt import Attempt
from .budget import Budget, Ledger
from .chain import Chain
from .model import Model, Provider
from .output import Output
from .prompt import Prompt
from .record import Record


def compose(rungs: Sequence[Rung], providers: Mapping[Rung, Provider], ledger: Ledger) -> Model:
    """record → prompt → chain → [output → budget → attempt → provider] for each rung, best first."""
    beneath = [(rung, Output(Budget(Attempt(providers[rung]), providers[rung], ledger))) for rung in rungs]
    return Record(Prompt(Chain(beneath)))
