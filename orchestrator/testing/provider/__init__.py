"""A provider for tests, over real HTTP: it says what a script tells it to and keeps what it was asked.

Runs in a thread of its own, so that any client can use it: asyncio, threads, other processes.

    >>> from bullpen.orchestrator.testing.provider import Fails, Says, ScriptedProvider
    >>> with ScriptedProvider([Fails(429, retry_after_s=2), Says("hello")]) as provider:
    ...     provider.url.startswith("http://127.0.0.1:")
    True

The script is a list of replies, given in order; a list of `Rule`; a function from the request's JSON body to a reply;
or nothing, which echoes. When a list is used up the answer is HTTP 500, which says so. Every named fault is in
`faults.FAULTS`.
"""

from .around import Cut, Drip, Either, Gzipped, Interrupted, KeptAlive, Late, Repeated
from .embeds import Embeds
from .replies import Drops, Fails, Floods, Hangs, Json, Raw, Says, ToolCall, calls, redirects, says_json
from .script import Rule, Script
from .server import ScriptedProvider
from .wire import Asked, Reply

__all__ = ["Asked", "Cut", "Drip", "Drops", "Either", "Embeds", "Fails", "Floods", "Gzipped", "Hangs", "Interrupted"]
__all__ += ["Json", "KeptAlive", "Late", "Raw", "Repeated", "Reply", "Rule", "Says", "Script", "ScriptedProvider"]
__all__ += ["ToolCall", "calls", "redirects", "says_json"]
