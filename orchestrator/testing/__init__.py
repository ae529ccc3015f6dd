"""The testing kit, for Bullpen's own tests and for yours: fakes that keep the contracts, and the contracts.

- `ScriptedModel`: a model without sockets or threads; runs on virtual time.
- `ManualClock`: a wall clock that goes when told to.
- `scripted_system`: a whole system in memory: journal, channels, scripted model.
- `assert_run`: say what a run must have done.
- `contracts`: what every journal and channel must do, as tests to inherit (needs pytest).
"""

from .assertions import RunAssertion, assert_run
from .clock import ManualClock
from .model import ScriptedModel
from .system import scripted_system

__all__ = ["ManualClock", "RunAssertion", "ScriptedModel", "assert_run", "scripted_system"]
