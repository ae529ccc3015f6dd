"""What time a server believes it is: by the `Date` of its answer to a HEAD, which carries no key and no prompt."""

from email.utils import parsedate_to_datetime

from ..settings import Rung


async def server_date_ms(rung: Rung, timeout_s: float) -> int | None:
    """The server's wall clock in milliseconds since 1970-01-01 UTC, to the second; None where it tells none in time.

    `rung` must have a base_url.
    """
    import aiohttp

    assert rung.base_url is not None, "only a rung with an address has a server to ask"
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=rung.use_proxy) as session,
            session.head(rung.base_url, allow_redirects=False) as response,
        ):
            return round(parsedate_to_datetime(response.headers.get("Date", "")).timestamp() * 1000)
    except (aiohttp.ClientError, TimeoutError, ValueError):  # ValueError: no date, or one that is none
        return None
