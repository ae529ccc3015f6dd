"""Whether a rung is asked of a server of one's own. Pure.

Such a server has the model that it was started with, under whatever name: llama.cpp answers with the path of a file,
Ollama with a tag. And it has few slots: what it is sent beyond them waits its turn.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from ..settings import Rung

#: Endings of names that no public name has. Source: RFC 6761, RFC 6762, RFC 8375, and ICANN for `internal`.
_PRIVATE = (".localhost", ".local", ".lan", ".internal", ".home.arpa")


def is_own_server(rung: Rung) -> bool:
    """Whether its address is on this machine or its network, and nobody is paid for what it answers."""
    host = (urlsplit(rung.base_url or "").hostname or "").rstrip(".")
    if not host or rung.price_in_usd or rung.price_out_usd:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE)
    return address.is_private or address.is_loopback or address.is_link_local


def has_version(url: str) -> bool:
    """Whether an address names a version of its interface, as most do: /v1, /v1beta/openai."""
    return re.search(r"/v\d", urlsplit(url).path) is not None
