"""Vectors from any embedding model that LiteLLM speaks to.

What is sent is sent once by LiteLLM and asked again here, by the table that model calls go by (`rules/outcome`). What
comes is believed only where it is one vector for each text, of finite numbers, as many as ever.
"""

import logging
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Any, NamedTuple

from ..orchestrator.errors import BadInput, Misconfigured, Unavailable
from ..orchestrator.gateway.providers.keys import DEFAULT_KEY_ENV, key_in, without
from ..orchestrator.gateway.providers.litellm_library import causes, faults, keys, load, outcome_of_error, wait_of
from ..orchestrator.rules.outcome import Outcome
from ..orchestrator.rules.tokens import estimate
from ..orchestrator.settings import Rung
from ..orchestrator.text import clean
from .embedding import Vector

#: Of one request: providers take 96 texts or more, and 8,000 tokens or more.
TEXTS_MOST, TOKENS_MOST = 64, 8000
#: How long to wait before the second request, in seconds; it doubles. A provider that asks for more than the most is
#: not waited for: who asked for vectors is waiting.
BACKOFF_S, WAIT_MOST_S = 0.5, 30.0
#: Requests for the same texts, at the most.
ATTEMPTS_MOST = 4
#: How long an answer may take, and after how long no more attempt is begun, in seconds; and how much longer for each
#: token. Whoever searches waits for a question to be embedded.
ANSWER_S, TOKEN_S = 10.0, 0.02
#: Providers to which LiteLLM speaks with OpenAI's client library: it takes one of ours, which sends once.
_BY_OPENAI_CLIENT = {"openai", "together_ai", "nvidia_nim", "litellm_proxy"}

_LOGGER = logging.getLogger("bullpen")


class LiteLLMEmbedder:
    """The `Embedder` of one model at one address. Blocking: for a thread. May be shared by threads, which take turns.

    LiteLLM is loaded at the first text, or when somebody asks how many dimensions there are, which is then asked of the
    model. Addresses and keys are what LiteLLM finds in the environment, unless the rung names them.

    Of OpenAI's family (OpenAI, compatible servers, Together, NVIDIA) a request is sent once, straight unless
    `rung.use_proxy`, with a bound on time and size. For others LiteLLM brings its own client, which goes by the
    environment's proxy.
    """

    is_semantic = True

    def __init__(
        self, rung: Rung, *, sleep: Callable[[float], None] = time.sleep, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """`rung.model` is `litellm:` and the model's name as LiteLLM has it; `rung.timeout_s` bounds one request."""
        self._rung, self._sleep, self._now_s = rung, sleep, now_s
        self._lock = Lock()
        self._dimensions = 0

    @property
    def id(self) -> str:
        """The model and its dimensions: `litellm:openai/text-embedding-3-small/1536`. Raises what `embed` does."""
        return f"{self._rung.model}/{self.dimensions}"

    @property
    def dimensions(self) -> int:
        """As many numbers as the first vector had. Raises what `embed` does."""
        if not self._dimensions:
            self.embed(["dimensions"])
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One vector of length 1 and of `dimensions` numbers per text, in order.

        Raises: BadInput for a model of no provider that LiteLLM knows; Misconfigured where the provider refuses key,
        model or request; Unavailable where it gives no good answer after all attempts, or vectors that cannot be used.
        """
        asked = list(batches([clean(text) for text in texts]))
        patience_s = ANSWER_S + TOKEN_S * max(map(_tokens, asked), default=0)
        with self._lock, self._opened(patience_s) as way:
            return [vector for batch in asked for vector in self._batch(way, batch)]

    def _batch(self, way: "_Way", texts: list[str]) -> Sequence[Vector]:
        """The vectors of one request, asked for as often as helps."""
        failures, until_s = Counter[Outcome](), self._now_s() + way.patience_s
        while isinstance(answer := way.ask(texts), _Failure):
            failures[answer.outcome] += 1
            rule = answer.outcome.rule
            wait_s = max(answer.wait_s, BACKOFF_S * 2 ** (failures.total() - 1))
            is_last = failures[answer.outcome] > rule.again_last or failures.total() >= ATTEMPTS_MOST
            if is_last or wait_s > WAIT_MOST_S or self._now_s() + rule.waits * wait_s >= until_s:
                raise self._error(answer, failures.total())
            if rule.waits:
                self._sleep(wait_s)
        try:
            vectors = vectors_of(answer, len(texts), self._dimensions)
        except ValueError as error:
            raise Unavailable(f"embedder {self._rung.model!r} gave {error}; use another model, or mend it") from error
        self._dimensions = len(vectors[0])
        return vectors

    def _error(self, failure: "_Failure", attempts: int) -> Exception:
        outcome, key = failure.outcome, self._rung.api_key_env or "the provider's variable"
        times = "" if attempts == 1 else f" after {attempts} attempts"
        asked = f"; it asks for {failure.wait_s:g} s" if failure.wait_s else ""
        said = f"embedder {self._rung.model!r}: {outcome}{times}{asked} ({failure.detail})"
        if "{key}" in outcome.rule.mend:
            return Misconfigured(f"{said}; {outcome.rule.mend.format(key=key)}")
        if outcome.rule.mend:
            return Misconfigured(f"{said}; mend `embedder`, or the address in the environment")
        return Unavailable(f"{said}; try again later, or set another `embedder`")

    @contextmanager
    def _opened(self, patience_s: float) -> Iterator["_Way"]:
        """Connections last as long as the texts of one call: an embedder has no end at which to close them."""
        litellm, rung = load(), self._rung
        try:
            _, provider, key, address = litellm.get_llm_provider(rung.model_name, api_base=rung.base_url)
        except litellm.exceptions.BadRequestError as error:
            wanted = "name one as litellm:provider/model, such as litellm:openai/text-embedding-3-small"
            raise BadInput(f"embedder {rung.model!r}: LiteLLM knows no such provider; {wanted}") from error
        if rung.api_key_env or provider == "openai":
            key = key_in(rung.api_key_env or DEFAULT_KEY_ENV)
        opened = _client(rung, key, address, patience_s) if provider in _BY_OPENAI_CLIENT else nullcontext()
        with opened as client:
            yield _Way(litellm, rung, key or None, client, patience_s)


class _Failure(NamedTuple):
    """An attempt that came to nothing; `wait_s` is what the provider asks for, or 0."""

    outcome: Outcome
    detail: str
    wait_s: float


class _Way(NamedTuple):
    """What stays the same from request to request."""

    litellm: Any
    rung: Rung
    key: str | None
    client: Any
    patience_s: float

    def ask(self, texts: Sequence[str]) -> Any:
        """One attempt: the `data` of the answer, or a `_Failure`."""
        try:
            response = self.litellm.embedding(
                model=self.rung.model_name,
                # An empty text is an error to most; a blank has no words either.
                input=[text or " " for text in texts],
                api_base=self.rung.base_url,
                api_key=self.key,
                timeout=self.client.timeout if self.client else min(self.rung.timeout_s, self.patience_s),
                client=self.client,
                num_retries=0,
                max_retries=0,
            )
        except faults() as error:
            failure = _failure(error)
            return failure._replace(detail=without([self.key] if self.key else keys(), failure.detail))
        told = response.model_dump()
        _LOGGER.debug("embedded texts=%d usage=%s model=%r", len(texts), told.get("usage"), self.rung.model)
        return told.get("data")


def _failure(error: Exception) -> _Failure:
    """What an error of LiteLLM's says; of a broken connection it says too little, and what lies beneath it counts."""
    import httpx

    told = f"{type(error).__name__}: {error}"
    for cause in causes(error):
        if isinstance(cause, httpx.RequestError):
            of = {httpx.TimeoutException: Outcome.TIMED_OUT, httpx.DecodingError: Outcome.BROKEN}
            outcome = next((of[kind] for kind in of if isinstance(cause, kind)), Outcome.UNREACHABLE)
            return _Failure(outcome, f"{told} ({type(cause).__name__}: {cause})", 0.0)
    return _Failure(outcome_of_error(error), told, wait_of(error) or 0.0)


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, in lists of at most TEXTS_MOST and of about TOKENS_MOST tokens, or of one that has more."""
    batch, tokens = list[str](), 0
    for text in texts:
        size = estimate(text)
        if batch and (len(batch) == TEXTS_MOST or tokens + size > TOKENS_MOST):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch


def _tokens(texts: Sequence[str]) -> int:
    return sum(map(estimate, texts))


def vectors_of(data: Any, texts: int, dimensions: int) -> Sequence[Vector]:
    """The vectors of so many texts, of length 1, in the order of their `index`, whatever order they came in.

    `dimensions` is how many numbers each must have; 0 is not known yet. Raises ValueError, which says what came
    instead.
    """
    items = data if isinstance(data, list) else []
    if len(items) != texts:
        raise ValueError(f"{len(items)} vectors for {texts} texts")
    by_index = {item.get("index"): item.get("embedding") for item in items}
    if by_index.keys() != {*range(texts)}:
        raise ValueError(f"vectors whose indexes are not those of {texts} texts")
    vectors = [_unit(by_index[index]) for index in range(texts)]
    sizes = {len(vector) for vector in vectors}
    if len(sizes | ({dimensions} if dimensions else set())) > 1:
        wanted = f"{dimensions} dimensions" if dimensions else "one number of dimensions"
        raise ValueError(f"vectors of {', '.join(map(str, sorted(sizes)))} dimensions instead of {wanted}")
    return vectors


def _unit(numbers: Any) -> list[float]:
    """The vector at length 1. Raises ValueError where that cannot be."""
    if not isinstance(numbers, list) or not all(isinstance(number, int | float) for number in numbers):
        raise ValueError("a vector that is not a list of numbers")
    length = math.hypot(*numbers)
    if not math.isfinite(length):
        raise ValueError("a vector with a number that is NaN or infinite")
    if not length:
        raise ValueError("a vector of zeros alone" if numbers else "a vector without numbers")
    return [number / length for number in numbers]


def _client(rung: Rung, key: str, address: str | None, patience_s: float) -> Any:
    from .litellm_client import client

    found = address or os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE") or None
    return client(found, key, timeout_s=min(rung.timeout_s, patience_s), use_proxy=rung.use_proxy)
