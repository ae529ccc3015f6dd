"""Secrets, however they are written."""

import json
from base64 import b64encode
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.redaction import forms_of, redacted

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
