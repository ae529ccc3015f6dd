"""What a sentence names that stands in none of its quotes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.evidence import Claim, Quote, Record, Source
from bullpen.orchestrator.rules.support import Missing, flags, known_of, unsupported

INVENTED = "The pilot also won the Baltic Transit Award of 2023. [1]"
CARRIED = "The night bus pilot carried 18,200 passengers on 52 nights."
#: Pieces that sentences are made of, the odd ones too.
PIECES = (
    *(
        "£201,100",
        "2.4 million crowns",
        "per cent",
        "2 400 000",
        "3.10",
        "v1.2.3",
        "12:30 h",
        "five to two",
        "a hundred",
    ),
    *("31 March 2025", "2025-03-31", "03/04/2025", "45.45.2020", "the 1990s", "2023-24", "In May 2,682", "half a year"),
    *("PEP-0751", "`:=`", "`pylock.toml`", "x86_64", "CVE-2020-1234", "U.S.", "Poetry's", "O'Brien", "東京Tokyo", "N1"),
    *(
        "Die Stadt hat die Kosten",
        "[1]",
        "[1, 2]",
        "1.",
        "- ",
        "World Health Organization",
        "two three-year terms",
        "²½①",
    ),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8).map(" ".join)

SAME = (
    ("It cost 2,4 million crowns.", "It cost 2.4 million crowns"),
    ("It cost 2 400 000 crowns.", "It cost 2.4 million crowns"),
    ("It cost £2.4m.", "It cost 2,413,512 pounds"),
    ("It rose by 41%.", "an increase of 41.3 per cent"),
    ("It took 90 minutes.", "It took 1.5 hours"),
    ("It ran for a year and six months.", "It ran for eighteen months, the first half year without pay"),
    ("A hundred seats on 3 lines.", "100 seats on three lines"),
    ("The price fell by £570, from £2,550 to £1,980.", "lowered its price from £2,550 to £1,980"),
    ("About 200,000 crowns.", "201,100 crowns"),
    ("Resolved on March 31st, 2025.", "Resolution: 31-Mar-2025"),
    ("Angenommen am 31. März 2025.", "2025-03-31"),
    ("It was settled in 2025.", "on 31 March 2025"),
    ("It ended two years later, in 2023.", "It began in 2021. It ended in 2023."),
    ("It ran between April and September 2024.", "April to September 2024"),
    ("PEP 751 and PEP-0665 differ.", "PEPs 665 and 751"),
    ("`pylock.toml` is fixed in v1.2.3.", "pylock.toml, patched: >= 1.2.3"),
    ("Marsh's vote; the Marshes.", "Councillor Marsh voted"),
    ("European and Canadian members.", "from Europe and Canada"),
    ("The World Health Organization of the UK.", "the WHO of the United Kingdom"),
    ("Passengers liked it. Walking helps.", "travellers were content"),
    ("The top eight qualify.", "the top-8 nations"),
    ("He won the Iberoamerican title.", "the Ibero-American title"),
    ("The A.V. Club liked it.", "music.avclub.com"),
    ("Both reasons, and a third one, are given in three places.", "reasons"),
    ("Die Stadt nennt die Kosten und das Ergebnis der Linie.", "costs and outcome"),
    ("東京の人口は増えた。", "population grew"),
)
MISSED = (
    (INVENTED, CARRIED, [("name", "Baltic Transit Award"), ("date", "2023")]),
    ("It cost 2.4 million euros.", "It cost 2.4 million crowns", [("unit", "2.4 million euros")]),
    ("It took 30 minutes.", "It took 30 hours", [("unit", "30 minutes")]),
    ("It cost 2.5 million crowns.", "It cost 2.4 million crowns", [("figure", "2.5 million crowns")]),
    ("Resolved on 1 April 2025.", "31 March 2025", [("date", "1 April 2025")]),
    ("Resolved in 2024.", "31 March 2025", [("date", "2024")]),
    ("Python 3.1 is needed.", "Python 3.10 is needed", [("figure", "3.1")]),
    ("It passed by seven votes.", "It passed by nine votes", [("figure", "seven")]),
    ("It passed by three votes.", "It passed by nine votes", [("figure", "three")]),
    ("It replaces PEP 665.", "It replaces PEP 650", [("name", "PEP 665")]),
    ("It reads `pylock.lock`.", "It reads pylock.toml", [("name", "pylock.lock")]),
    ("CVE-2020-1235 is fixed.", "CVE-2020-1234 is fixed, as is 1235", [("name", "CVE-2020-1235")]),
    ("Poetry rejected it. Poetry's maintainers did.", "PDM rejected it", [("name", "Poetry")]),
    ("Yates's motion failed.", "Brandt's motion failed", [("name", "Yates")]),
    ("Walker then pulled away.", "Odell pulled away", [("name", "Walker")]),
    ("The top eight qualify.", "the top-9 nations, of 18", [("figure", "eight")]),
    (
        "It was backed by Oskar Brandt and Imogen Pell.",
        "Brandt and Pell agreed",
        [("name", "Oskar"), ("name", "Imogen")],
    ),
    ("Die Linie der Stadt ist nicht von der NATO.", "the line", [("name", "NATO")]),
)


@pytest.mark.parametrize(("sentence", "evidence"), SAME)
def test_what_is_written_otherwise_is_not_missing(sentence: str, evidence: str) -> None:
    assert unsupported(sentence, [evidence]) == ()


@pytest.mark.parametrize(("sentence", "evidence", "missing"), MISSED)
def test_what_stands_nowhere_is_told_by_its_kind(sentence: str, evidence: str, missing: list[tuple[str, str]]) -> None:
    assert [tuple(each) for each in unsupported(sentence, [evidence])] == missing


@given(text=TEXTS)
def test_a_text_supports_itself(text: str) -> None:
    assert unsupported(text, [text]) == ()


@given(text=TEXTS, evidence=st.lists(TEXTS, max_size=3))
def test_the_order_of_the_evidence_makes_no_difference_nor_does_what_is_known(text: str, evidence: list[str]) -> None:
    found = unsupported(text, evidence)

    assert unsupported(text, evidence[::-1]) == found
    assert unsupported(text, (), known=evidence) == found
    assert unsupported(text, evidence, known=[text]) == ()


def test_a_long_row_of_digits_or_number_words_is_read_like_any_other() -> None:
    odd = " ".join(("9" * 6_000, "9" * 6_000 + " years", "hundred thousand " * 400, "million " * 400))

    assert unsupported(odd, [odd]) == ()
    assert unsupported(odd, [])


def test_a_claim_rests_on_its_quotes_and_records_and_on_what_its_documents_are_called() -> None:
    quote = Quote(source="a.md", start=0, end=len(CARRIED), text=CARRIED)
    record = Record(source="pep-0751.rst", field="status", value="Final")
    claim = Claim(text="PEP 751 is Final; 18,200 rode in Tarnholm.", quotes=(quote,), records=(record,), rule="field")
    known = known_of("Who rode?", [Source(id="a.md", title="Buses of Tarnholm", uri="a.md", text_hash="")])

    assert flags(claim) == (Missing("name", "Tarnholm"),)
    assert flags(claim, known) == ()


def test_what_a_rule_counts_needs_no_quote() -> None:
    records = tuple(Record(source=f"{name}.md", field="status", value="Final") for name in "abcdefg")

    assert flags(Claim(text="7 are Final.", records=records, rule="count")) == ()
    assert flags(Claim(text="8 are Final.", records=records, rule="count")) == (Missing("figure", "8"),)
