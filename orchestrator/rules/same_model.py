"""Whether the model that answered is the one that was asked. Pure.

A name is taken apart into what the model is and its stamps: dates, versions, tags and quantizations, of which the one
who asks may leave out any. Two names are of one model where they are the same and no stamps contradict each other.
"""

import functools
import re

#: Where these are asked for, the name says nothing of the model.
_ANY = re.compile(r"auto|default|azure/.*|.*\barn:aws:bedrock:.*application-inference-profile/.*")
#: `us.anthropic.` before a name on Bedrock.
_OWNERS = re.compile(r"^(?:[a-z][a-z-]*\.)+(?=[a-z])")
#: What says nothing, not even which version: it moves with time.
_MOVING = re.compile(r"[-:](?:latest|preview|stable|exp|free|nitro|floor|online|extended|thinking|exacto|0)$|\.gguf$")
_STAMP = re.compile(
    r"(?:[-@](20\d\d-?\d\d-?\d\d|\d\d-20\d\d|(?:0[1-9]|1[0-2])-\d\d|\d{4}|00\d)"  # a day, a month, a build
    r"|-(v\d[\d.]*(?::\d+)?)"  # a version
    r"|[-.@]((?:i?q\d|fp?\d|bf16|awq|gptq)\w*)"  # a quantization
    r"|:([\w.-]+))$"  # a tag
)
_FINE_TUNED = re.compile(r"ft:([^:]+)(:.*)")
_NUMBER = re.compile(r"[\d.]+")


#: A whole path of a file, as llama.cpp answers with.
_FOLDER = re.compile(r"^(?:/|[A-Za-z]:\\).*[/\\](?=[^/\\])")


def without_folder(model: str) -> str:
    """A model's name as people are told it: of one that is the path of a file, the file's name alone."""
    return _FOLDER.sub("", model)


@functools.lru_cache(maxsize=256)
def is_same_model(asked: str, returned: str) -> bool:
    """Whether the returned id is the asked one, perhaps dated or without its provider; an id not given is believed.

    `gpt-4o` and `gpt-4o-2024-08-06` are the same, `gpt-4o` and `gpt-4o-mini` are not.
    """
    asked, returned = asked.lower(), returned.lower()
    if not returned or _ANY.fullmatch(asked) or _last(asked) == "auto":
        return True
    ours, theirs = _last(asked), _last(returned)
    our_tuned, their_tuned = _FINE_TUNED.fullmatch(ours), _FINE_TUNED.fullmatch(theirs)
    if our_tuned and their_tuned:
        return our_tuned[2] == their_tuned[2] and is_same_model(our_tuned[1], their_tuned[1])
    if our_tuned or their_tuned:
        return False
    our_name, our_stamps = _apart(ours)
    their_name, their_stamps = _apart(theirs)
    if our_name != their_name:
        return ours.endswith("-latest") and _is_later(our_name, their_name)
    return our_stamps <= their_stamps or their_stamps <= our_stamps


def _last(name: str) -> str:
    """The name without its path."""
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def _apart(name: str) -> tuple[str, frozenset[str]]:
    """What the model is, and its stamps."""
    name, stamps = _OWNERS.sub("", name), set[str]()
    while True:
        if moving := _MOVING.search(name):
            name = name[: moving.start()]
        elif stamp := _STAMP.search(name):
            name = name[: stamp.start()]
            stamps.add(next(filter(None, stamp.groups())).replace("-", ""))
        else:
            return name, frozenset(stamps)


def _is_later(asked: str, returned: str) -> bool:
    """Whether the second name has the words of the first and a number more: what `gemini-flash-latest` stands for."""
    ours, theirs = asked.split("-"), returned.split("-")
    more = [word for word in theirs if word not in ours]
    return set(ours) <= set(theirs) and all(map(_NUMBER.fullmatch, more))
