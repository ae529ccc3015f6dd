"""The layer that asks a deployment only while it is well, and tells its breaker how it went.

It stands beneath the limiter: what had to wait for its turn may find that the deployment has broken meanwhile.
"""

from .deployment import Deployment
from .model import Completion, Model, Request


class Health:
    """One deployment's breaker around each request that goes to it."""

    def __init__(self, inner: Model, deployment: Deployment) -> None:
        self._inner, self._deployment = inner, deployment

    async def complete(self, request: Request) -> Completion:
        """The answer; `cooling`, without an attempt, while the deployment is to be left alone."""
        deployment, completion = self._deployment, None
        if not deployment.may_be_asked():
            return deployment.cooling()
        began_s = deployment.began()
        try:
            completion = await self._inner.complete(request)
        finally:
            deployment.ended(began_s, completion)
        return completion
