"""Two small invented corpora with metadata: building regulations, and recall notices of products."""

from collections.abc import Iterable, Sequence
from typing import Any

from bullpen import Document
from bullpen.memory.catalogue import Catalogue
from bullpen.memory.words import words
from bullpen.orchestrator.evidence import Source
from bullpen.orchestrator.metadata import Mentions

INES, TOR, MAREN = "Ines Falk <ines@board.invalid>", "Tor Aske <tor@board.invalid>", "Maren Oduya <maren@board.invalid>"


def _regulation(number: int, title: str, topic: str, created: str, text: str, **more: Any) -> Document:
    metadata = {
        "number": number,
        "status": "Active",
        "kind": "Binding",
        "topic": topic,
        "created": created,
        "title": title,
    }
    return Document(
        id=f"REG-{number}",
        title=title,
        uri=f"regulations/{number}.md",
        text=text,
        metadata=metadata | more,
    )


REGULATIONS = (
    _regulation(
        1,
        "Stair widths in dwellings",
        "Stairs",
        "2009-03-12",
        "This regulation is superseded by REG 7, which treats all stairs alike.\n\n"
        "A stair in a dwelling shall be at least 80 centimetres wide between its walls. "
        "This keeps a bearer with a stretcher from being stuck at the landing.",
        status="Superseded",
        superseded_by="7",
        authors=f"{INES}, {TOR}",
        version="1.4",
    ),
    _regulation(
        2,
        "Smoke alarms in rented rooms",
        "Fire",
        "2009-11-02",
        "Every rented room shall have one smoke alarm on its ceiling. "
        "The landlord tests the alarm once in every quarter and writes down the day.",
        authors=MAREN,
        version="2.0",
    ),
    _regulation(
        3,
        "Loads on balconies",
        "Structure",
        "2010-05-20",
        "A balcony shall carry 400 kilograms for each square metre of its floor. "
        "The load is proven by a trial with sandbags before anybody sets foot on the balcony.",
        requires="4",
        authors=TOR,
        version="1.0",
    ),
    _regulation(
        4,
        "Anchors in old masonry",
        "Structure",
        "2010-09-01",
        "An anchor in masonry older than sixty years shall be set in lime mortar. "
        "Cement mortar is forbidden there because it bursts the brick in frost.",
        kind="Advisory",
        authors=f"{TOR}, {MAREN}",
        version="1.1",
    ),
    _regulation(
        5,
        "Escape windows",
        "Fire",
        "2012-01-17",
        "An escape window shall open without a key from the inside. "
        "Its sill stands no higher than 110 centimetres above the floor.",
        requires="2, 1",
        authors=INES,
        version="3.1",
    ),
    _regulation(
        6,
        "Draught in stairwells",
        "Fire",
        "2012-06-30",
        "This regulation was withdrawn after the trials in Morven failed. "
        "Fans were to press fresh air into the stairwell from below.",
        status="Withdrawn",
        kind="Advisory",
        authors=MAREN,
        version="0.9",
    ),
    _regulation(
        7,
        "Stairs of every kind",
        "Stairs",
        "2014-02-11",
        "Every stair shall be at least 90 centimetres wide between its walls. "
        "A handrail stands on both sides of a stair with more than four steps.",
        replaces="1",
        authors=f"{INES}, {MAREN}",
        version="2.2",
    ),
    _regulation(
        8,
        "Ramps beside stairs",
        "Stairs",
        "2015-08-08",
        "A ramp beside a stair rises by no more than six per cent. "
        "Where there is no room for a ramp, a lifting platform takes its place.",
        amends="7",
        requires="7",
        authors=INES,
        version="1.0",
    ),
    _regulation(
        9,
        "Timber cladding near boundaries",
        "Fire",
        "2017-04-25",
        "Timber cladding keeps a distance of three metres from the boundary of the plot. "
        "Where it is nearer, the boards shall be soaked with a salt that slows a fire.",
        amends="5",
        authors=TOR,
        version="1.3",
    ),
    _regulation(
        10,
        "Green roofs",
        "Structure",
        "2019-10-14",
        "A green roof is planted on no less than fifteen centimetres of soil. "
        "The soil is weighed wet, since a dry roof says nothing about the load after rain.",
        requires="3",
        authors=MAREN,
        version="1.0",
    ),
    _regulation(
        11,
        "Noise of heat pumps",
        "Noise",
        "2019-12-03",
        "A heat pump makes no more than 35 decibels of noise at the window of a neighbour by night.",
        status="Draft",
        authors=f"{INES}, {TOR}",
        version="0.2",
    ),
    _regulation(
        12,
        "Charging rooms for bicycles",
        "Fire",
        "2021-07-19",
        "A charging room is walled off with a door that resists fire for thirty minutes. "
        "No more than ten bicycles are charged in one room at a time.",
        status="Draft",
        kind="Advisory",
        amends="2",
        authors=f"{MAREN}, {TOR}",
        version="0.1",
    ),
)


def _recall(
    number: str, product: str, date: str, reason: Sequence[str], title: str, text: str, **more: Any
) -> Document:
    metadata: dict[str, Any] = {"product": product, "date": date, "reason": list(reason), "country": "Norland"} | more
    return Document(
        id=f"RCL-{number}", title=title, uri=f"recalls/{number}.md", text=text, metadata={**metadata, "title": title}
    )


RECALLS = (
    _recall(
        "2019-0004",
        "lumen-lamp",
        "2019-02-11",
        ["fire"],
        "Lamp base overheats",
        "The base of the lamp overheats when it is left on for a whole night.",
        fixed_in=["2.1"],
    ),
    _recall(
        "2019-0017",
        "tidekettle",
        "2019-09-30",
        ["scalding"],
        "Lid springs open",
        "The lid of the kettle springs open when the water boils.",
        fixed_in=["4.0", "3.6"],
    ),
    _recall(
        "2020-0002",
        "lumen-lamp",
        "2020-01-08",
        ["shock", "fire"],
        "Bare wire in the socket",
        "A bare wire touches the socket of the lamp.",
        fixed_in=["2.4"],
    ),
    _recall(
        "2020-0009",
        "moss",
        "2020-06-19",
        ["choking"],
        "Small wheels come off the cart",
        "The wheels of the cart come off and are small enough to be swallowed.",
    ),
    _recall(
        "2020-0011",
        "tidekettle",
        "2020-10-01",
        ["fire"],
        "Base plate melts",
        "The base plate melts on a stove.",
        withdrawn="2020-11-15",
        country="Sudland",
    ),
    _recall(
        "2021-0003",
        "varde heater",
        "2021-03-03",
        ["fire", "fumes"],
        "Heater gives off fumes",
        "The varnish of the heater gives off fumes in its first hours.",
        fixed_in=["7.2"],
    ),
    _recall(
        "2021-0008",
        "lumen-lamp",
        "2021-05-21",
        ["fire"],
        "Dimmer glows",
        "The dimmer of the lamp glows at the lowest step.",
        fixed_in=["3.0", "2.9"],
    ),
    _recall(
        "2021-0020",
        "moss",
        "2021-12-24",
        ["choking"],
        "Bell falls out of the cart",
        "The bell falls out of the cart after some weeks.",
        country="Sudland",
    ),
    _recall(
        "2022-0001",
        "varde heater",
        "2022-01-30",
        ["shock"],
        "Thermostat cracks",
        "The case of the thermostat cracks in the cold and lays a wire bare.",
        fixed_in=["7.5"],
    ),
    _recall(
        "2022-0013",
        "kite",
        "2022-08-14",
        ["tangling"],
        "Line tangles around the reel",
        "The line tangles around the reel of the kite in strong wind.",
        country="Sudland",
    ),
)


def source_of(document: Document) -> Source:
    """The document as memory keeps it, without its text."""
    return Source(
        id=document.id, title=document.title, uri=document.uri, text_hash="", metadata=dict(document.metadata)
    )


def mentions_of(question: str, documents: Iterable[Document]) -> Mentions:
    """What a question names of these documents, each of them one passage."""
    kept = list(documents)
    passages = [set(words(f"{document.title}\n{document.text}")) for document in kept]

    def holding(word: str) -> int:
        return min((sum(stem in passage for passage in passages) for stem in words(word)), default=0)

    return Catalogue(map(source_of, kept)).mentions(question, holding)
