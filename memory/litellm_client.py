"""OpenAI's client library, told to send once: no attempts of its own, no redirects, a bound on time and size.

The library asks twice again by itself; of embeddings LiteLLM takes no attempts at all for not told, and sets two.
Imports it: only for those who have loaded LiteLLM.
"""

import ssl
import time
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import httpx
import openai

#: The largest answer, in bytes: 64 vectors of 4,096 numbers in decimals are 6 MB.
ANSWER_BYTES_MOST = 32 * 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
#: Sent where there is no key: servers of one's own want none, others say that it is wrong.
NO_KEY = "none"


def client(base_url: str | None, key: str | None, *, timeout_s: float, use_proxy: bool) -> Any:
    """A client for one address, OpenAI's own where None is given. Silence and a body last `timeout_s` at the most.

    It holds connections: for a `with`.
    """
    patience = httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
    sending = httpx.Client(
        timeout=patience,
        trust_env=use_proxy,
        verify=_trusted(),
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [lambda response: _bound(response, time.monotonic() + timeout_s)]},
    )
    return _Once(api_key=key or NO_KEY, base_url=base_url, timeout=patience, http_client=sending)


class _Once(openai.OpenAI):  # type: ignore[misc]  # its types are not checked
    """Sends each request once, whatever it is told."""

    @property
    def max_retries(self) -> int:
        return 0

    @max_retries.setter
    def max_retries(self, told: int) -> None:
        """LiteLLM sets it at every call."""


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are good: reading them takes as long as a short answer."""
    return ssl.create_default_context()


def _bound(response: httpx.Response, until_s: float) -> None:
    """Called when the headers are here and nothing of the body is."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise httpx.DecodingError("the answer is compressed, which was not asked for", request=response.request)
    response.stream = _Bounded(cast(httpx.SyncByteStream, response.stream), until_s, response.request)


class _Bounded(httpx.SyncByteStream):
    """A body that has to end in time and has to be of a bearable size."""

    def __init__(self, inner: httpx.SyncByteStream, until_s: float, request: httpx.Request) -> None:
        self._inner, self._until_s, self._request = inner, until_s, request

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._inner:
            size += len(chunk)
            if size > ANSWER_BYTES_MOST:
                raise httpx.DecodingError(f"the answer is over {ANSWER_BYTES_MOST} bytes", request=self._request)
            if time.monotonic() > self._until_s:
                raise httpx.ReadTimeout("the answer did not end in time", request=self._request)
            yield chunk

    def close(self) -> None:
        self._inner.close()
