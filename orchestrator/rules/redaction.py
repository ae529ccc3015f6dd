"""Takes secrets out of text, also where somebody has encoded them. Pure."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from ..text import clean

#: What stands where a secret stood.
MARK = "[secret]"


def forms_of(secrets: Iterable[str]) -> tuple[str, ...]:
    """Each secret as it is, in JSON, in a URL and in Base64, the longest first."""
    found = {form for secret in secrets if secret for form in _forms(secret)}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def redacted(value: Any, forms: Iterable[str]) -> Any:
    """Plain JSON with every form replaced, in names too; what no store can keep is U+FFFD."""
    if isinstance(value, dict):
        return {redacted(name, forms): redacted(inner, forms) for name, inner in value.items()}
    if isinstance(value, list):
        return [redacted(inner, forms) for inner in value]
    return _without(clean(value), forms) if isinstance(value, str) else value


def _without(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        text = text.replace(form, MARK)
    return text


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="")
    yield quote_plus(secret)
    for n, skipped in enumerate((0, 2, 3)):
        # After n other bytes: what of the encoding depends on the secret alone.
        data = b"." * n + secret.encode(errors="replace")
        form = b64encode(data).decode()[skipped : len(data) * 8 // 6]
        if len(form) >= 8:  # shorter ones would blank out plain words
            yield form
            yield form.replace("+", "-").replace("/", "_")
