"""Secrets, however they are written."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.rules.redaction import MARK, forms_of, keys_in, redacted

SECRET = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=8, max_size=30)


@given(SECRET, st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_is_found_in_each_form(secret: str, before: bytes, after: bytes) -> None:
    forms = forms_of([secret])
    whole = b64encode(before + secret.encode() + after).decode()
    told = {"as it is": f"x{secret}x", "json": json.dumps([secret]), "url": quote(secret, safe=""), "base64": whole}
    shown = redacted(told, forms)

    assert all("[secret]" in text for text in shown.values())
    assert len(shown["base64"].replace("[secret]", "")) <= (len(before) + len(after)) * 4 / 3 + 8


def test_everything_is_looked_through_and_the_rest_stays() -> None:
    value = {"password": ["a password", {"n": 1, "none": None, "is": True}], "more": 1.5}

    assert redacted(value, forms_of(["password"])) == {
        "[secret]": ["a [secret]", {"n": 1, "none": None, "is": True}],
        "more": 1.5,
    }


def test_of_two_secrets_the_longer_goes_first() -> None:
    assert redacted("password-and-more", forms_of(["password", "password-and-more", ""])) == "[secret]"


KEY = 'sk-Ab/3+x_9"Zq&~7=end'
DATA = KEY.encode()
WAYS = {
    "as it is": KEY,
    "backwards": KEY[::-1],
    "in JSON": json.dumps(KEY),
    "in JSON in JSON": json.dumps(json.dumps(KEY)),
    "in JSON, all escaped": "".join(f"\\u{byte:04x}" for byte in DATA),
    "the same in capitals": "".join(f"\\u{byte:04X}" for byte in DATA),
    "in JSON, one escaped": KEY.replace("s", "\\u0073", 1),
    "in JSON with slashes escaped": KEY.replace('"', '\\"').replace("/", "\\/"),
    "in a URL": quote(KEY, safe=""),
    "in a form": quote_plus(KEY),
    "in a URL, twice": quote(quote(KEY, safe=""), safe=""),
    "in a URL, all escaped": "".join(f"%{byte:02x}" for byte in DATA),
    "in a URL, slashes left": quote(KEY),
    "in HTML": html.escape(KEY),
    "in HTML by numbers": "".join(f"&#{byte};" for byte in DATA),
    "in HTML by hexadecimal numbers": "".join(f"&#x{byte:X};" for byte in DATA),
    "in Python": "".join(f"\\x{byte:02x}" for byte in DATA),
    "in hexadecimal digits": DATA.hex(),
    "in capital ones": DATA.hex().upper(),
    "in Base64": b64encode(DATA).decode(),
    "in Base64 for URLs": urlsafe_b64encode(DATA).decode().rstrip("="),
    "as a bearer": b64encode(b"Bearer " + DATA).decode(),
    "as a password": b64encode(b"user:" + DATA + b"\n").decode(),
    "in Base64 in a URL": quote(b64encode(b"u:" + DATA).decode(), safe=""),
    "in Base64 in JSON of other makers": b64encode(DATA).decode().replace("/", "\\/"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_key_is_found_in_whatever_way_a_provider_repeats_it(way: str) -> None:
    forms = forms_of([KEY, "another-secret"])
    told = f"refused: {WAYS[way]} is wrong"

    assert forms.without(told).startswith("refused: ")
    assert MARK in forms.without(told)
    assert len(forms.without(told)) <= len("refused:  is wrong") + len(MARK) + 16
    assert forms.are_in(json.dumps({"detail": told}))  # as a journal asks
    assert MARK in redacted({"detail": told}, forms)["detail"]


@settings(max_examples=40)
@given(st.text(st.sampled_from('abXYZ0189-_./+=~:@!%&<"'), min_size=8, max_size=20), st.data())
def test_a_secret_is_found_whichever_of_its_characters_are_escaped(secret: str, data: st.DataObject) -> None:
    escape: dict[str, Callable[[str], str]] = {
        "json": lambda c: f"\\u{ord(c):04x}" if c.isascii() else json.dumps(c)[1:-1],
        "url": lambda c: "".join(f"%{byte:02X}" for byte in c.encode()),
        "html": lambda c: f"&#{ord(c)};",
        "plain": lambda c: c,
    }
    told = "".join(escape[data.draw(st.sampled_from([*escape]))](character) for character in secret)

    assert forms_of([secret]).without(told) == MARK
    assert forms_of([secret]).are_in(json.dumps(told, ensure_ascii=False))


@pytest.mark.parametrize("secret", ["00000%00", "abc&lt;defg", "C:\\u0030\\keys"])
def test_a_secret_that_looks_escaped_itself_is_found_where_it_is_escaped(secret: str) -> None:
    told = "".join(f"\\u{ord(character):04x}" for character in secret)

    assert forms_of([secret]).without(told) == MARK
    assert forms_of([secret]).without(secret) == MARK


@given(st.text(max_size=80))
def test_nothing_else_is_touched(text: str) -> None:
    forms = forms_of(["sk-0123456789abcdef"])

    assert forms.without(text) == text
    assert forms_of([]).without(text) == text


def test_what_is_short_is_hidden_as_it_is_alone_and_no_plain_word_goes() -> None:
    assert forms_of(["none"]).without("none, %6e%6f%6e%65, bm9uZQ, enon") == f"{MARK}, %6e%6f%6e%65, bm9uZQ, enon"
    assert keys_in({"A_API_KEY": "0123456789", "B_API_KEY": "short", "C": "0123456789ab"}) == {"0123456789"}
