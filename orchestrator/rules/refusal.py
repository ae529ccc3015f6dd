"""Whether a reply is a refusal to do what was asked. Pure; looks at how a reply begins, at its shape and its length.

Who refuses says so at once: in the first clauses, in the first person, with a verb of helping, or by calling what was
asked unfit. What comes later, in quotes, in code or in a long answer, is talk about refusing. A reply that names
missing information, or says that what was asked about is not there, is an honest gap and no refusal.
"""

import re
from itertools import islice

#: Characters: a refusal that lectures stays below the first, and begins within the second.
LENGTH_MOST = 2_500
HEAD = 320
CLAUSES_MOST = 6


def _any(*patterns: str) -> str:
    return f"(?:{'|'.join(patterns)})"


_FOLDED = str.maketrans({"’": "'", "ʼ": "'", "`": "'", "\u00a0": " "})
_NOT_PROSE = re.compile(r"[\"“«‘'{\[<>#|]|```|dear\b|(?:subject|from|to):")
_CLAUSE = re.compile(
    r"(?:[.!?;,。！？，、\n—]|\s[-–]\s)+\s*(?:(?:but|and|however|so|therefore)\b,?\s*)?|\s(?:but|however)\b,?\s+"
)
_SENTENCE = re.compile(r"[.!?](?:\s|$)")

# ---------------------------------------------------------------- what refuses

_LEAD = (
    r"(?:(?:unfortunately|regrettably|sorry|no|also|i(?:'m| am) afraid(?: that)?|as (?:an?|your) [\w -]{1,40}?)\s+)?"
)
_ADVERB = r"(?:(?:really|simply|just|still|also|respectfully|therefore|currently)\s+)?"
_UNABLE = _any(
    r"can't|cannot|can not|won't|will not|(?:am )?unable to|(?:am )?not able to|not in a position to",
    r"not (?:going|allowed|permitted|programmed|designed) to|not comfortable|uncomfortable",
    r"must (?:\w+ )?decline|(?:have|need) to decline|decline|refuse|would rather not|(?:do not|don't) feel comfortable",
)
_BETWEEN = _any(
    r"\s+(?:be able to|to|also|and|or|will not|won't|in good conscience|ethically|further|directly|knowingly|with)"
)
_DOING = _any(
    r"(?:assist|comply|fulfil+|satisfy|accommodate|participate|engage|support|promote|condone|facilitate|proceed)\b",
    r"(?:provid|generat|creat|writ|shar)(?:e|ing)\b|(?:discuss|answer|offer|produc|advis|respond)(?:e|ing)?\b",
    r"recommend\b(?!.{0,40} (?:enough|highly))",
    r"(?:suggest|encourage|complete|continue|do (?:that|this|so))\b",
    r"giv(?:e|ing) (?:you )?(?:advice|instructions|information|guidance)\b",
    r"help(?:ing)?(?=\s+(?:you|with|to|in|anyone|them|plan|create|write)\b|\s*(?:[.!,]|$))",
)
_REFUSES = re.compile(rf"{_LEAD}i(?:'m|\s+am)?\s+{_ADVERB}{_UNABLE}(?:{_BETWEEN}*\s+{_DOING}|\s*(?:[.!]|$))")

_SPEAKING = _any(
    r"provide|suggest|say|assist|help|give|encourage|discuss|create|share|ask",
    r"make (?:jokes|assumptions|generali[sz]ations)",
)
_POLICY = re.compile(
    _any(
        _any(r"i (?:don't|do not) (?:think|believe|feel) (?:it|that)(?:'s| is)", r"(?:it|that)(?:'s| is| would be) not")
        + r" (?:appropriate|ethical|acceptable|respectful)(?: (?:or|and|nor) \w+)* (?:for me )?to "
        + _SPEAKING,
        r"(?:it|that)(?:'s| is) (?:not within|against) my (?:programming|guidelines|polic)",
        r"(?:this|that|it|your|the)(?: \w+)? (?:goes against|violates|is against) (?:my|our|the) [\w ]{0,30}"
        r"(?:polic|guidelines|programming|rules|principles)",
        r"(?:i must (?:\w+ )?point out that )?(?:the|your|this) (?:question|request|prompt) (?:itself )?"
        r"(?:contains|promotes|is based on|assumes) (?:an? )?"
        r"(?:harmful|offensive|inappropriate|discriminatory|hateful|racist)",
    )
)

#: Without one of these nothing above matches; a search for them costs a tenth.
_HINT = re.compile(
    r"n't|not|unable|declin|refuse|uncomfortable|rather|against|violates|contains|promotes|based|assumes"
)

#: Plain refusals in other languages: sorry, and that one cannot help, answer or do it.
_FOREIGN = re.compile(
    _any(
        r"(?:lo siento|lo lamento|disculp[ae]|lamentablemente)\W.{0,20}\bno puedo\b",
        r"no puedo (?:ayudar|proporcionar|responder|cumplir|asistir)",
        r"(?:je suis )?(?:vraiment )?désolée?\W.{0,20}\bje ne (?:peux|suis) pas\b",
        r"je ne peux pas (?:vous |t')?(?:aider|fournir|répondre|accéder)",
        r"(?:es )?tut mir leid\W.{0,20}\bich kann\b.{0,60}\bnicht\b",
        r"ich kann (?:dir|ihnen|euch)?\s?(?:dabei|damit|hierbei) (?:leider )?nicht helfen",
        r"mi dispiace\W.{0,20}\bnon posso\b|(?:me )?(?:desculpe|desculpa|lamento)\W.{0,20}\bnão posso\b",
        r"het spijt me\W.{0,20}\bik kan\b.{0,40}\bniet\b",
        r"(?:извините|простите|к сожалению)\W.{0,20}\bне могу\b|я не могу (?:помочь|ответить|предоставить)",
        r"(?:很?抱歉|对不起|對不起|不好意思).{0,6}我?(?:不能|无法|無法)",
        r"我(?:不能|无法|無法)(?:帮助|協助|协助|提供|回答)",
        r"申し訳(?:ありません|ございません).{0,40}(?:できません|できかねます)",
        r"죄송(?:합니다|하지만).{0,40}(?:수 없습니다|어렵습니다)",
    )
)

# ---------------------------------------------------------------- what does not

#: In the sentence that seems to refuse: what is missing is information, not will.
_LACKS = re.compile(
    _any(
        r"\b(?:provided|given|supplied|available|retrieved) (?:\w+ )?"
        r"(?:context|documents?|sources?|information|text|passages?|data)\b",
        r"\b(?:context|documents?|sources?|passages?)\b.{0,40}\bnot\b",
        r"\b(?:don't|do not) have\b|\bnot (?:publicly )?(?:available|known|aware)\b|\breal[- ]time\b|\bmakes? sense\b",
        r"\b(?:do(?:es)? not|don't|doesn't) (?:contain|mention|include|specify|provide|say)\b",
    )
)
#: What was asked about is not there; often said a sentence later.
_UNREAL = re.compile(
    _any(
        r"\b(?:is|as|being)(?: an?)? (?:fictional|fictitious|imaginary|hypothetical)",
        r"\b(?:does|do|did)(?: not|n't) (?:exist|happen|occur)",
        r"\bno (?:information|record|evidence|such)\b|\bnot (?:an? )?(?:real\b|factual)",
    )
)
_HELPS = re.compile(
    r"```|\b(?:but|however|that said|instead),? "
    r"(?:i can (?:tell|say|give|offer|provide|share|explain|help)|here(?:'s| is| are))\b"
)


def is_refusal(text: str) -> bool:
    """Whether the reply as a whole refuses; an answer that begins with a reservation, or an honest gap, does not."""
    return bool(refusal_in(text))


def refusal_in(text: str) -> str:
    """The words with which a reply refuses, in lower case; empty where it does not."""
    if len(text) > LENGTH_MOST:
        return ""
    head = text[:HEAD].lower().translate(_FOLDED).lstrip(" \t\r\n*_")
    if not head or _NOT_PROSE.match(head):
        return ""
    found = _FOREIGN.match(head) or _first_clause(head)
    if not found:
        return ""
    ends = _SENTENCE.search(head, found.end())
    is_gap = _LACKS.search(head, 0, ends.start() if ends else len(head)) or _UNREAL.search(head)
    return "" if is_gap or _HELPS.search(text.lower()) else found[0].strip()


def _first_clause(head: str) -> re.Match[str] | None:
    if not _HINT.search(head):
        return None
    starts = (0, *(gap.end() for gap in islice(_CLAUSE.finditer(head), CLAUSES_MOST)))
    return next(
        (found for start in starts if (found := _REFUSES.match(head, start) or _POLICY.match(head, start))), None
    )
