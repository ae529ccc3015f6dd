"""The words that days, figures and sentences are made of, in the languages that reports are mostly written in.

English is read in full. German, French, Spanish, Italian and Dutch are read as far as days, units and small numbers
go, and their commonest words are known, so that nothing ordinary is taken for a name.
"""

from collections.abc import Mapping

# Days

_MONTHS = """
january jan januar jänner janvier enero gennaio januari
february feb februar février fevrier febrero febbraio februari
march mar märz mars marzo maart mrz
april apr avril abril aprile
may mai mayo maggio mei
june jun juni juin junio giugno
july jul juli juillet julio luglio
august aug août aout agosto augustus
september sep sept septembre septiembre settembre
october oct oktober okt octobre octubre ottobre
november nov novembre noviembre
december dec dezember dez décembre decembre diciembre dicembre
"""
#: The number of each month by its name in lower case.
MONTHS: Mapping[str, int] = {
    name: number for number, row in enumerate(_MONTHS.strip().splitlines(), start=1) for name in row.split()
}
#: Those that are a month wherever they stand with a capital: no verb, no first name, no abbreviation.
PLAIN_MONTHS = frozenset(
    name
    for name in MONTHS
    if len(name) > 3 and name not in ("march", "april", "august", "mars", "sept", "mayo", "marzo")
)

# Numbers

_SMALL = """
two zwei deux dos due twee
three drei trois tres tre drie
four vier quatre cuatro quattro
five fünf cinq cinco cinque vijf
six sechs seis sei zes
seven sieben sept siete sette zeven
eight acht huit ocho otto
nine neun neuf nueve nove negen
ten zehn dix diez dieci tien
eleven elf onze once undici
twelve zwölf douze doce dodici twaalf
"""
_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
#: Number words and what they are worth; `once`, `sept`, `due`, `sei` and `dos` are other words in other languages.
NUMBERS: Mapping[str, int] = {
    "zero": 0,
    "one": 1,
    **{
        word: number
        for number, row in enumerate(_SMALL.strip().splitlines(), start=2)
        for word in row.split()
        if word not in ("once", "sept", "due", "sei", "dos", "tre", "six" if number != 6 else "")
    },
    **{word: number for number, word in enumerate(_TEENS.split(), start=13)},
    **{word: 10 * number for number, word in enumerate(_TENS.split(), start=2)},
}
#: Up to this a spelled number may be the writer's own count of what is said.
COUNTED_MOST = 4
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
ORDINALS: Mapping[str, int] = {word: number for number, word in enumerate(_ORDINALS.split(), start=1)}

_SCALES = {
    100: "hundred",
    1_000: "thousand tausend mille mil duizend",
    1_000_000: "million millions millionen mio millón millones milione milioni miljoen mn",
    1_000_000_000: "billion billions milliarden milliarde mrd milliard milliards miliardi miljard bn",
    1_000_000_000_000: "trillion trillions",
}
#: What a number word or a figure is multiplied by.
SCALES: Mapping[str, int] = {word: value for value, row in _SCALES.items() for word in row.split()}
#: The same as a letter right behind digits, `£5m`, `10K`.
LETTERS: Mapping[str, int] = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}

# Units: the dimension, and how many of its smallest unit one is

_DAY = 86_400
_UNITS: Mapping[str, Mapping[str, float]] = {
    "time": {
        "second seconds sec secs s sekunde sekunden seconde secondes segundo segundos": 1,
        "minute minutes min mins minuten minuto minutos minuti": 60,
        "hour hours hr hrs h stunde stunden std heure heures hora horas uur": 3_600,
        "day days tag tage tagen jour jours día días giorno giorni dag dagen": _DAY,
        "week weeks woche wochen semaine semaines semana semanas settimana settimane weken": 7 * _DAY,
        "millisecond milliseconds ms millisekunden": 0.001,
        "microsecond microseconds µs μs": 0.000_001,
    },
    "months": {
        "month months monat monate monaten mois mes meses mese mesi maand maanden": 1,
        "year years yr yrs jahr jahre jahren année années año años anno anni jaar": 12,
        "decade decades jahrzehnt jahrzehnte": 120,
        "century centuries jahrhundert jahrhunderte siècle siècles": 1_200,
    },
    "share": {"% percent pct prozent pourcent procent": 1, "‰ permille promille": 0.1},
    "points": {"points": 1},
    "length": {
        "millimetre millimetres millimeter millimeters mm": 1,
        "centimetre centimetres centimeter centimeters cm": 10,
        "metre metres meter meters m mètre mètres": 1_000,
        "kilometre kilometres kilometer kilometers km": 1_000_000,
        "inch inches": 25.4,
        "foot feet ft": 304.8,
        "yard yards": 914.4,
        "mile miles mi": 1_609_344,
    },
    "mass": {
        "milligram milligrams mg": 0.001,
        "gram grams gramme grammes g": 1,
        "kilogram kilograms kg kilo kilos": 1_000,
        "tonne tonnes ton tons t": 1_000_000,
        "ounce ounces oz": 28.35,
        "lb lbs": 453.592_37,
    },
    "area": {"hectare hectares": 1, "acre acres": 0.404_686, "km2": 100, "m2": 0.000_1},
    "volume": {
        "millilitre millilitres milliliter milliliters ml": 0.001,
        "litre litres liter liters l": 1,
        "m3": 1_000,
    },
    "data": {
        "byte bytes": 1,
        "kilobyte kilobytes kb": 1e3,
        "megabyte megabytes mb": 1e6,
        "gigabyte gigabytes gb": 1e9,
        "terabyte terabytes tb": 1e12,
        "kib": 1_024,
        "mib": 1_048_576,
        "gib": 1_073_741_824,
    },
    "bits": {"bit bits": 1, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9},
    "power": {
        "watt watts w": 1,
        "kilowatt kilowatts kw": 1e3,
        "megawatt megawatts mw": 1e6,
        "gigawatt gigawatts gw": 1e9,
    },
    "energy": {"kwh": 1, "mwh": 1e3, "gwh": 1e6, "twh": 1e9},
    "frequency": {"hz hertz": 1, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    "celsius": {"°c celsius": 1},
    "fahrenheit": {"°f fahrenheit": 1},
    "euro": {"€ eur euro euros": 1},
    "dollar": {"$ us$ usd dollar dollars": 1},
    "pound": {"£ gbp pound pounds": 1},
    "yen": {"¥ jpy yen": 1},
    "rupee": {"₹ inr rupee rupees": 1},
    "franc": {"chf franc francs franken": 1},
    "crown": {"sek nok dkk czk kr crown crowns krona kronor krone kroner kronen koruna": 1},
}
#: By name in lower case: the dimension and the factor.
UNITS: Mapping[str, tuple[str, float]] = {
    name: (dimension, factor)
    for dimension, units in _UNITS.items()
    for names, factor in units.items()
    for name in names.split()
}

# Sentences


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: German words that tell its sentences, in which a capital letter tells no name.
GERMAN = _words(
    """
    der die das den dem des und ist nicht mit von ein eine einen einem einer wurde wurden wird werden für auf auch sich
    sind hat haben nach bei aus als zur zum im vom über dass oder war nur noch
    """
)
#: Words that are no names, however they are written.
COMMON = GERMAN | _words(
    """
    a about above according across additionally after afterwards again against ago all almost alone along already also
    although always am among an and another any anyone anything are as at away back be because been before being below
    besides best better between both but by can cannot compared consequently contrary could currently despite did do
    does due during each earlier early eight eighteen either eleven else elsewhere enough even eventually every everyone
    everything except few fewer fifteen fifty finally first five for formerly forty four fourteen fourth fifth from full
    further furthermore given had half hardly has have he hence her here hers high his how however hundred i if in
    including indeed initially instead into is it its itself just last late later latest least less like little long
    low mainly many may meanwhile merely might million more moreover most mostly mr mrs ms dr prof much must my near
    nearly neither never nevertheless new next nine nineteen ninety no nobody none nonetheless nor not nothing now
    of off often old on once one only onto or originally other others otherwise our out over overall own part partly
    per perhaps plus possibly previously probably rather recently regarding roughly same second seven seventeen
    seventy several shall she should since six sixteen sixty small so some someone something sometimes soon still
    subsequently such ten than that the their them then there thereafter therefore these they third thirteen thirty
    this those though thousand three through throughout thus till to today together tomorrow too toward towards
    traditionally twelve twenty twice two ultimately under unless unlike until up upon us usually versus very via was
    we well were what whatever when whenever where whereas wherever whether which while who whoever whole whom whose
    section chapter line page figure table article paragraph version step item appendix option example note
    don doesn didn isn wasn weren couldn wouldn hasn haven aren re ve ll
    why will with within without would yes yesterday yet sir you your people everybody today's
    le la les un une des du et est dans pour par sur avec ne pas ce cette ces il elle ils elles qui que au aux en son
    sa ses leur leurs selon après avant depuis entre chaque tous toutes plus moins deux trois lors mais ou où
    el los las una unos y es de del por con no se su sus lo al según desde hasta entre cada todos más menos pero
    il lo gli i uno e è di del della dei che per con non si suo nel nella secondo dopo prima tra ogni tutti più ma
    het een en van op te dat niet met voor zijn door bij naar om volgens sinds elke alle maar ook
    diese dieser dieses jede jeder jedes laut seit während beide alle mehr weniger sie er es wir ihr
    """
)
#: Endings of an English word that begins a sentence and is no name: plurals, adverbs, gerunds, abstract nouns.
ORDINARY_ENDINGS = (
    "s",
    "ly",
    "ing",
    "ed",
    "tion",
    "sion",
    "ment",
    "ness",
    "ity",
    "ance",
    "ence",
    "ship",
    "age",
    "ure",
    "al",
)
#: What one form of a name may have behind another: plurals, peoples, adjectives.
NAME_ENDINGS = ("ean", "ian", "ese", "ish", "ers", "es", "an", "er", "ic", "al", "en", "s", "n", "e")
#: Verbs behind a first word that is the whole subject.
VERBS = _words(
    """
    is was are were has had have will would can could may might must does did said says became began won wrote made
    gave took went got ran came held led left lost met paid put saw sent set sold spent told thinks knows keeps
    grew rose fell chose
    """
)
#: What may stand between a name and its verb.
ADVERBS = _words("then also later soon never still first again even only once often")
#: Small words that acronyms leave out.
UNINITIALED = frozenset(
    ("of", "the", "and", "for", "in", "on", "de", "la", "le", "du", "des", "et", "und", "der", "für", "to")
)
