"""Text from outside as Markdown that shows exactly its characters, in whatever line it is put. Pure.

A backslash stands before each mark that CommonMark 0.31, or GitHub's additions to it, would act on where it stands: no
image, link, HTML, emphasis, code, formula, cell, heading, list or quotation comes of a text. A mark that nothing would
be made of stays as it is, as in `5 * 3`, `snake_case`, `a < b` or `£5.` An address is shown and no link, but for an
e-mail address, which GitHub links after it has taken the backslashes away. One character is not shown as it is: the
colon of a scheme that browsers run, so that no copy and no careless converter of the report makes a script of it.
"""

import re

from ..text import printable

_ACTIVE = re.compile(
    r"""
      ^ (?: \#{1,6} | [0-9]{1,9} [.)] ) (?=\s|$)       # a heading, a numbered list
    | ^ (?: [-+] (?=[-+\s]|$) | > )                      # a list or a line across, a quotation
    | (?<=\s) \#+ $                                      # the end of a heading
    | \\ (?=[!-/:-@\[-`{-~]|$)                           # a backslash that would take what follows by its word
    | [`\[|]                                             # code; a link, an image, a note, a box; a cell
    | (?<![\s*]) \*+ | \*+ (?![\s*])                     # emphasis
    | (?<!\w) _+ | _+ (?!\w)                             # the same, which there is none of within a word
    | (?<![\s~]) ~+ | ~+ (?![\s~])                       # a line through
    | < (?![\s\d=])                                      # HTML, or an address in brackets
    | & (?=\#?\w+;)                                      # a character by its name
    | (?<=\S) \$                                         # the end of a formula
    | : (?=//) | (?:(?<=mailto)|(?<=xmpp)) : | (?<=www) \.  # an address
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SCRIPT = re.compile(r"\b(javascript|livescript|vbscript):|\b(data):(?=\s*[\w.+-]*[/;,])", re.IGNORECASE)


def as_data(text: str) -> str:
    """The text on one line, printable, with each active mark behind a backslash."""
    return _ACTIVE.sub(_behind_backslashes, folded(text))


def folded(text: str) -> str:
    """The characters that a reader of the Markdown sees of a text: on one line, printable, no scheme that is run."""
    return _SCRIPT.sub("\\1\\2\ufffd", printable(" ".join(text.split())))


def _behind_backslashes(found: re.Match[str]) -> str:
    """Each mark of what was found; of a number only what makes it a list's."""
    return re.sub(r"[^\w\s]|_", r"\\\g<0>", found[0])
