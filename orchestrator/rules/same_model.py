"""Whether the model that answered is the one that was asked. Pure."""

import functools
import re

#: What a provider may add to the name it was given: a date, a version, `latest`, a file's suffix.
_ADDED = re.compile(r"[-_@:.](?:v?\d[\w.-]*|latest|preview|stable|gguf|free)")


@functools.lru_cache(maxsize=256)
def is_same_model(asked: str, returned: str) -> bool:
    """Whether the returned id is the asked one, perhaps dated or without its provider; an id not given is believed.

    `gpt-4o` and `gpt-4o-2024-08-06` are the same, `gpt-4o` and `gpt-4o-mini` are not.
    """
    if not returned or asked == "auto":
        return True
    ours, theirs = (re.split(r"[/\\]", name.lower())[-1] for name in (asked, returned))
    shorter, longer = sorted((ours, theirs), key=len)
    return longer.startswith(shorter) and re.fullmatch(f"(?:{_ADDED.pattern})*", longer[len(shorter) :]) is not None
