"""Read a value that follows a trigger: a name, a place, a thing, a number, a date."""

from __future__ import annotations

import re
from dataclasses import dataclass

from luminora.builtin.offline.lexicon import (
    JOBS_EN,
    JOBS_ES,
    NAMES,
    NATIONALITIES,
    PLACES,
    TITLE_OF,
)
from luminora.builtin.offline.text import fold
from luminora.builtin.offline.words import (
    ADJECTIVES,
    ARTICLES,
    CLAUSE_WORDS,
    COMMANDS,
    NON_PLACES,
    NOT_LIKED,
    NOT_NAMES,
    NUMBERS,
)

MAX_VALUE = 200

Found = tuple[str, str, str | int, float]
"""Category, key, value and confidence of a fact."""

_EMOJI = "\u2190-\u21ff\u2600-\u27bf\ufe0f\U0001f000-\U0001faff"
_END = re.compile(rf'[.,;:!?()\[\]{{}}¡¿"\n…{_EMOJI}<>*]|\s[-–—]\s')  # noqa: RUF001
_HARD_END = re.compile(rf'[;:!?()\[\]{{}}¡¿"\n…{_EMOJI}<>*]|\.(?=\s|$)|\s[-–—]\s')  # noqa: RUF001
_STOP = re.compile(
    r"\s(?:pero|but|porque|because|aunque|although|though|cuando|when|whenever|while|mientras|desde"
    r"|since|so|asi que|que|which|who|donde|where|if|si|para que|o sea|por cierto|btw|please|por"
    r" favor"
    r"|gracias|thanks|too|tambien|as well|also|by the way|right now|ahora mismo|ahora|now|today|hoy"
    r"|a lot|very much|so much|the most|mas que nada|more than anything|mucho|muchisimo|de momento"
    r"|jaja\w*|haha\w*|lol|xd|ya sabes|you know|this year|este ano|algun dia|someday|one day"
    r"|next (?:week|month|year)|manana|tomorrow|even|just|instead|ever)(?=\s|$)"
)
_AND = re.compile(r",?\s+(?:y|e|and|&|or|o|ni|nor)\s+")
_WORD = re.compile(r"[^\W\d_](?:[\w'’·-]*\w)?\.?(?<!\.)")  # noqa: RUF001
_PARTICLES = frozenset(("de la", "del", "de los", "van", "von", "da", "dos", "al", "ben", "bin"))


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows a trigger in its sentence, as written and folded, of one length.

    Attributes:
        before: The part of the sentence before the trigger, as written.
    """

    text: str
    folded: str
    before: str = ""

    def after(self, offset: int) -> Tail:
        """The tail from ``offset`` on."""
        return Tail(self.text[offset:], self.folded[offset:], self.before)

    def until(self, end: int) -> Tail:
        """The tail up to ``end``."""
        return Tail(self.text[:end], self.folded[:end], self.before)


def slug(value: str) -> str:
    """``value`` as the end of a key: folded, underscores, at most 40 characters."""
    short = re.sub(r"[^\w]+", "_", fold(value)).strip("_")
    return short if len(short) <= 40 else short[:40].rsplit("_", 1)[0]  # noqa: PLR2004


def phrase(tail: Tail, *, commas: bool = False) -> Tail:
    """``tail`` up to where a clause ends: punctuation, an emoji or a word such as "because"."""
    tail = tail.until(MAX_VALUE * 2)
    end = (_HARD_END if commas else _END).search(tail.folded)
    if end:
        tail = tail.until(end.start())
    stop = _STOP.search(tail.folded)
    if stop:
        tail = tail.until(stop.start())
    for joint in _AND.finditer(tail.folded):
        if _first(tail.folded[joint.end() :]) in CLAUSE_WORDS:
            return tail.until(joint.start())
    return tail


def _first(folded: str) -> str:
    return folded.split(maxsplit=1)[0].strip(",'") if folded.strip() else ""


def _trimmed(text: str) -> str:
    return text.strip(" \t-_'’´`~/\\|=+,.").strip()[:MAX_VALUE].rstrip()  # noqa: RUF001


_SUBJECT = re.compile(r"(?:^|[,.;:]\s*|\s(?:y|and|e)\s+)([^,.;:!?\n]{1,60}?)\s*$")


def subject(tail: Tail) -> str | None:
    """What stands right before a trigger: "Naruto" in "Naruto es mi anime favorito"."""
    match = _SUBJECT.search(tail.before[-100:])
    if match is None:
        return None
    return _thing(Tail(match[1], fold(match[1])))


def harmless(value: str) -> bool:
    """Whether ``value`` is a value rather than an order to the companion."""
    return bool(value) and not COMMANDS & set(re.findall(r"\w+", fold(value)))


def is_proper(word: str) -> bool:
    """Whether ``word`` starts like a name; scripts without capitals always do."""
    return bool(word) and (word[0].isupper() or not (word[0].islower() or word[0].isupper()))


_NAME_GAP = re.compile(r" +(?:(?:de la|del|van|von|da|bin|ben) (?=\S))?")


def full_name(tail: Tail) -> str | None:
    """A name after words that announce one ("me llamo"): any case, at most three words."""
    return _name(tail, strict=False)


def bare_name(tail: Tail) -> str | None:
    """A name after words that may announce anything ("soy", "my brother"): must look like one."""
    return _name(tail, strict=True)


def name_beside(tail: Tail) -> str | None:
    """A name right beside "my brother" or "mi gato": must look like one, anything may follow."""
    return _name(tail, strict=True, anywhere=True)


def _name(tail: Tail, *, strict: bool, anywhere: bool = False) -> str | None:
    lead = re.match(r"[\s\"'(]*", tail.folded)
    offset = lead.end() if lead else 0
    words: list[str] = []
    while len(words) < 3:  # noqa: PLR2004 - names of one to three words
        word = _WORD.match(tail.text, offset)
        if word is None or not _name_goes_on(word[0], words, strict=strict):
            break
        words.append(word[0])
        offset = word.end()
        gap = _NAME_GAP.match(tail.folded, offset)
        if gap is None:
            break
        hasty = not strict and _known_second(tail.folded[gap.end() :])  # "me llamo juan carlos"
        if not (hasty or _capital(tail.text[gap.end() :])):
            break
        if gap[0].strip():
            words[-1] += tail.text[gap.start() : gap.end()].rstrip()
        offset = gap.end()
    name = " ".join(words)
    if (
        not name
        or not harmless(name)
        or (strict and not anywhere and not _follows_a_name(tail.folded[offset:]))
    ):
        return None
    return _cased(name)[:MAX_VALUE]


def _name_goes_on(word: str, words: list[str], *, strict: bool) -> bool:
    folded = fold(word)
    if folded in NOT_NAMES or folded.endswith("'s"):
        return False
    if words:
        return is_proper(word) or folded in NAMES
    if not strict:
        return True
    if folded in NAMES:
        return True
    if _PARTICIPLE.search(folded):
        return False
    taken = ADJECTIVES | NATIONALITIES | JOBS_ES | JOBS_EN
    return is_proper(word) and not word.isupper() and folded not in taken and folded not in TITLE_OF


_PARTICIPLE = re.compile(r"(?:...ing|less|ful|ious|usted|ated|ired|essed|ited|ored)$")


def _capital(rest: str) -> bool:
    return bool(rest) and rest[0].isalpha() and is_proper(rest)


def _known_second(folded: str) -> bool:
    return _first(folded).strip(".,!?") in NAMES


_AFTER_NAME = re.compile(
    r"\W*$|\s*[.,;:!?()\"…-]|\s+(?:y|e|and|but|pero|de|del|desde|from|the|a|la|el|tu|your|tengo"
    r"|encantad\w"
    r"|nice|un|una|que|mucho|vivo|trabajo|desde|es|se|tiene|vive|is|has|lives|works|was|aqui|here"
    r"|by|no"
    r"|cumple|loves?|likes?|cocina|murio|died|est[ao]\w*|va|me|le|con|with|when|cuando|who|ha|lo"
    r"|en|in"
    r"|on|at|for|hace|siempre|always|just|and|i|my|mi|ayer|yesterday|ya|always|passed|fue|era|used"
    r"|ronca|ladra|barks|sleeps|duerme|come|eats|quiere|wants|dice|says|piensa|thinks)\b"
    rf"|\s*[{_EMOJI}]|\s*[^\x00-\x7f]"
)


def _follows_a_name(folded: str) -> bool:
    """Whether what comes next may follow a name; "Ready to go" was none."""
    return _AFTER_NAME.match(folded) is not None


def _cased(name: str) -> str:
    """``name`` with capitals where the user was in a hurry, or shouting."""
    if name.islower() or (name.isupper() and len(name) > 3):  # noqa: PLR2004 - initials stay
        return " ".join(
            word if word in _PARTICLES else word[:1].upper() + word[1:].lower()
            for word in name.split()
        )
    return name


_PLACE_LEAD = re.compile(
    r"\s*(?:(?:el|la|un|una|the|a|an)\s+)?(?:(?:pequen\w|small|big|little)\s+)?"
    r"(?:centro|ciudad|pueblo(?: cerca)?|barrio|zona|norte|sur|afueras|provincia|city|town"
    r"|outskirts"
    r"|center|centre|suburbs|north|south|village|state|cerca|near)(?:\s+(?:called|llamad[oa]))?"
    r"\s+(?:de|del|of|near|in|called)?\s*"
)
_CONNECTORS = frozenset(("de", "del", "of", "la", "las", "los", "el", "the"))


def place(tail: Tail, *, known: bool = False) -> str | None:
    """A place, without the article that the sentence gave it ("al Himalaya", "the Netherlands").

    Args:
        tail: What follows "vivo en", "voy a" and the like.
        known: Whether a place written in lower case must be a known one.
    """
    cut = phrase(tail)
    lead = _PLACE_LEAD.match(cut.folded)
    if lead and lead[0].strip() and _capital(cut.text[lead.end() :]):
        cut = cut.after(lead.end())
    words = [(match[0], match.start(), match.end()) for match in _WORD.finditer(cut.text)]
    while words and fold(words[0][0]) in ARTICLES and not words[0][0][0].isupper():
        words.pop(0)
    if not words or (cut.text[: words[0][1]].strip() and not _articles(cut.folded[: words[0][1]])):
        return None
    value = _known_place(cut, words[0][1]) or _proper_place(cut, words) or ""
    if not value and not known and len(words) <= 3:  # noqa: PLR2004 - "vivo en villa alegre"
        value = _trimmed(cut.text[words[0][1] : words[0][2]])
    folded = fold(value).removeprefix("la ").removeprefix("el ")
    if not harmless(value) or folded in NON_PLACES or folded.split()[0] in NON_PLACES:
        return None
    return value


def _articles(folded: str) -> bool:
    return all(word in ARTICLES for word in folded.split())


def _known_place(cut: Tail, start: int) -> str | None:
    words = cut.folded[start:].split()
    for size in (3, 2, 1):
        if " ".join(words[:size]) in PLACES and len(words) >= size:
            return " ".join(cut.text[start:].split()[:size])
    return None


def _proper_place(cut: Tail, words: list[tuple[str, int, int]]) -> str | None:
    """The run of capitalised words at the start, with "de" or "of" between them."""
    if not is_proper(words[0][0]) or words[0][0].endswith(("'s", "’s")):  # noqa: RUF001
        return None
    end = words[0][2]
    for word, _, stop in words[1:6]:
        if fold(word) in _CONNECTORS:
            continue
        if not is_proper(word) or fold(word) in {"i", "i'm"}:
            break
        if word.endswith("'s"):
            return None
        end = stop
    value = cut.text[words[0][1] : end]
    joint = _AND.search(fold(value))
    return _trimmed(value[: joint.start()] if joint else value)


def thing(tail: Tail, *, commas: bool = False) -> str | None:
    """One thing, however many words, without a leading article; None where none is named."""
    return _thing(phrase(tail, commas=commas))


def things(tail: Tail) -> list[str]:
    """What someone likes: one thing or a short list ("los gatos, los trenes y el mar")."""
    cut = phrase(tail, commas=True)
    if not _AND.search(cut.folded):
        cut = phrase(tail)
    found: list[str] = []
    start = 0
    for joint in [*re.finditer(rf"{_AND.pattern}|,\s*", cut.folded), None]:
        item = Tail(cut.text[start : joint.start() if joint else None], "")
        item = Tail(item.text, fold(item.text))
        value = _thing(item)
        if value is None or (found and not _is_short(value)):
            break
        found.append(value)
        start = joint.end() if joint else 0
    return found[:6]


def _is_short(value: str) -> bool:
    words = fold(value).split()
    return len(words) <= 3 and words[0] not in CLAUSE_WORDS and words[-1] not in NOT_LIKED  # noqa: PLR2004


def _thing(cut: Tail) -> str | None:
    lead = re.match(
        r"\s*(?:(?:mucho|muchisimo|tanto|demasiado|tambien|also|really|a lot|bastante|mas|sobre"
        r" todo)\s+)?"
        r"(?:(?:el|la|los|las|lo|un|una|unos|unas|the|a|an|some|al|del)\s+)?",
        cut.folded,
    )
    start = lead.end() if lead else 0
    if cut.text[start - 1 : start] == " " and _capital(cut.text.lstrip()):
        start = len(cut.text) - len(cut.text.lstrip())  # "El Padrino" keeps its article
    value = _trimmed(cut.text[start:])
    words = fold(value).split()
    if not words or words[0] in NOT_LIKED or len(words) > 8 or not harmless(value):  # noqa: PLR2004
        return None
    if {"you", "contigo", "tu", "your"} & set(words) or not any(char.isalnum() for char in value):
        return None
    return value


_NUMBER = re.compile(r"\s*(\d{1,3}(?!\d)|[a-z]+(?: y [a-z]+|-[a-z]+| [a-z]+)?)")


def number(folded: str) -> tuple[int, int] | None:
    """A number in digits or words at the start of ``folded``, and where it ends."""
    match = _NUMBER.match(folded)
    if match is None:
        return None
    if match[1].isdecimal():
        return int(match[1]), match.end()
    for words in (match[1], match[1].split(" ")[0]):
        if words in NUMBERS:
            return NUMBERS[words], match.start(1) + len(words)
    return None


_MONTHS = (
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre"
    "|january"
    "|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar"
    "|apr|jun"
    "|jul|aug|sept?|oct|nov|dec"
)
_DATE = re.compile(
    rf"\s*(?:el |on |the |in |en )*(?:dia )?"
    rf"(\d{{1,2}}(?:st|nd|rd|th|o)?(?: de | of | )(?:{_MONTHS})(?:(?: del? |, | )\d{{4}})?"
    rf"|(?:{_MONTHS})(?: (?:the )?\d{{1,2}}(?:st|nd|rd|th)?)?(?:,? \d{{4}})?"
    r"|\d{1,4}[/.-]\d{1,2}(?:[/.-]\d{1,4})?)\b"
)


def date(tail: Tail) -> str | None:
    """A calendar date as written, with or without a year."""
    match = _DATE.match(tail.folded)
    return tail.text[match.start(1) : match.end(1)] if match else None
