"""Which embedder a name is for."""

import os

from ..orchestrator.errors import BadInput
from ..orchestrator.gateway.rungs import with_proxy
from ..orchestrator.settings import Rung, Settings, line_of, load_settings
from .embedding import Embedder, HashedEmbedder
from .minilm import INSTALL, MiniLM, find_weights

#: Names of embedders; `litellm:` is followed by a model's.
AUTO, HASHED, MINILM, LITELLM = "auto", "hashed", "minilm", "litellm:"

#: How long one request for vectors may take, in seconds: whoever searches waits for it.
TIMEOUT_S = 60.0


def embedder_of(name: str, settings: Settings | None = None) -> Embedder:
    """The embedder of this name; `auto` is MiniLM where its weights are at hand, else the hashed one. Loads no model.

    `settings` say whether the network may be used, and whether through a proxy.

    Raises: BadInput for an unknown name, for `minilm` without weights, and for a model that may not be asked.
    """
    if name.startswith(LITELLM):
        return _asked_for(name, settings or load_settings())
    if name not in (AUTO, HASHED, MINILM):
        known = f"{AUTO}, {HASHED}, {MINILM}, or {LITELLM}provider/model"
        raise BadInput(f"embedder {name!r}{line_of('embedder')} is not known; name one of {known}")
    weights = find_weights() if name != HASHED else None
    if name == MINILM and weights is None:
        raise BadInput(f"embedder 'minilm'{line_of('embedder')}: its weights are not here; get them: {INSTALL}")
    return MiniLM(weights) if weights else HashedEmbedder()


def _asked_for(name: str, settings: Settings) -> Embedder:
    """A model that is asked over the network."""
    model = name.removeprefix(LITELLM)
    if not model or any(character.isspace() for character in model):
        raise BadInput(
            f"embedder {name!r}{line_of('embedder')} names no model; for example litellm:openai/text-embedding-3-small"
        )
    if not settings.network:
        raise BadInput(
            f"embedder {name!r}{line_of('embedder')} is asked over the network, which BULLPEN_NETWORK forbids; set "
            "another `embedder`, or BULLPEN_NETWORK=on"
        )
    from .litellm_embedder import LiteLLMEmbedder

    [rung] = with_proxy(settings, (Rung(model=name, timeout_s=TIMEOUT_S),), os.environ)
    return LiteLLMEmbedder(rung)
