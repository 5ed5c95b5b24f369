"""A message cut into sentences, and what of them counts as said in earnest.

Matching happens on a folded copy (lower case, no accents, plain quotes) that has the length of the
original, so that a match's position finds the user's own spelling again.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MAX_CHARACTERS = 20_000
"""Only this much of a message is analysed."""

MAX_SENTENCES = 300
"""Nor more sentences than this: a message of 20,000 characters in earnest has fewer."""

_SAME = {"’": "'", "‘": "'", "´": "'", "`": "'", "“": '"', "”": '"', "«": '"', "»": '"'}  # noqa: RUF001


class _Folding(dict[int, int]):
    """A translation table that fills itself, one character to one character."""

    def __missing__(self, code: int) -> int:
        char = chr(code)
        if char in _SAME:
            folded = _SAME[char]
        elif char != "\n" and unicodedata.category(char) in {"Cc", "Zs"}:
            folded = " "
        else:
            lower = char.lower()
            folded = unicodedata.normalize("NFD", lower)[0] if len(lower) == 1 else char
        self[code] = ord(folded)
        return self[code]


_FOLDING = _Folding()


def fold(text: str) -> str:
    """``text`` in lower case without accents, character by character: the length stays."""
    return text.translate(_FOLDING)


def clean(text: str) -> str:
    """The part of ``text`` that is analysed: composed, without lone surrogates and NUL."""
    short = text[:MAX_CHARACTERS].encode("utf-8", "ignore").decode().replace("\0", " ")
    return unicodedata.normalize("NFC", short)[:MAX_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, as written and folded; both have the same length.

    Attributes:
        question: Whether it asks rather than tells.
        joke: Where in it the words stand that take it back ("es broma"), or -1.
    """

    text: str
    folded: str
    question: bool = False
    joke: int = -1


_CUT = re.compile(r"[.!?…;]+(?=[\s\"')¿¡]|$)|\n|(?=¿)")
_QUOTED = re.compile(r'"[^"\n]{1,400}"')
_CODE = re.compile(r"```.{0,20000}?(?:```|\Z)", re.DOTALL)
_CITED = re.compile(r"(?m)^[ \t]*>[^\n]*")
_JOKE = re.compile(
    r"\b(?:(?:es|era|estoy de|solo es una) (?:una )?broma|bromeo|estoy bromeando|(?:just |only"
    r" )?kidding"
    r"|just a joke|(?:i'm|im|was) joking|jk|mentira|not really|na mentira|que no,? que era)\b"
)
_ASKS = re.compile(
    r"(?:what|who|where|when|why|how|which|whose|do|does|did|are|is|can|could|will|would|should"
    r"|have"
    r"|has|am|may|and you|you|que|quien|como|donde|cuando|cual|cuanto|por que|te|tu|y tu|y usted"
    r"|sabes"
    r"|puedes|eres|tienes|quieres|recuerdas|right|verdad|cierto|no|correct|isn't|aren't|don't)\b"
)
_TAG = re.compile(r"(?:right|verdad|cierto|no|correct|isn't it|isn't that so|a que si)\W*$")
_BOUNDARY = re.compile(r",\s*|\s(?:and|but|y|pero)\s")


def sentences(text: str) -> list[Sentence]:
    """The sentences of a cleaned text; code, citations and quoted speech are blanked out."""
    for pattern in (_CODE, _CITED):
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    folded = fold(text)
    folded = _QUOTED.sub(_without_speech, folded)
    found: list[Sentence] = []
    for start, end, mark in _pieces(folded):
        found.extend(_told_and_asked(text[start:end], folded[start:end], mark))
        if len(found) >= MAX_SENTENCES:
            break
    return _without_jokes(found)


def _without_speech(match: re.Match[str]) -> str:
    """Several words in quotes are someone's speech; one is a name."""
    speech = " " in match[0].strip('" ')
    return '"' + " " * (len(match[0]) - 2) + '"' if speech else match[0]


def _pieces(folded: str) -> list[tuple[int, int, str]]:
    pieces, start = [], 0
    for cut in _CUT.finditer(folded):
        if folded[start : cut.start()].strip():
            pieces.append((start, cut.start(), cut[0]))
        start = cut.end()
    if folded[start:].strip():
        pieces.append((start, len(folded), ""))
    return pieces


def _told_and_asked(text: str, folded: str, mark: str) -> list[Sentence]:
    """One sentence, or two where a statement ends in a question: "I'm Paul, and you?"."""
    if folded.startswith("¿"):
        # "¿" may close early without a cut: "¿y tú? vivo en Lima" is cut at "?" already
        return [Sentence(text, folded, question=True)]
    if "?" not in mark:
        return [Sentence(text, folded)]
    if not _ASKS.match(folded.lstrip()):
        for boundary in _BOUNDARY.finditer(folded):
            rest = folded[boundary.end() :]
            if _ASKS.match(rest) and not _TAG.match(rest):
                at = boundary.start()
                return [
                    Sentence(text[:at], folded[:at]),
                    Sentence(text[at:], folded[at:], question=True),
                ]
    return [Sentence(text, folded, question=True)]


_NEAR_START = 12


def _without_jokes(found: list[Sentence]) -> list[Sentence]:
    """Mark what a joke takes back: the words before it, and the sentence before one it opens."""
    marked: list[Sentence] = []
    for sentence in found:
        joke = _JOKE.search(sentence.folded)
        if joke is None:
            marked.append(sentence)
            continue
        if marked and joke.start() <= _NEAR_START:
            before = marked.pop()
            marked.append(Sentence(before.text, before.folded, before.question, len(before.text)))
        marked.append(Sentence(sentence.text, sentence.folded, sentence.question, joke.start()))
    return marked


_NEGATED = re.compile(
    r"(?:^|[^\w'])(?:no|nunca|jamas|ni|tampoco|nadie|not|never|don't|dont|doesn't|didn't|nor"
    r"|neither)"
    r"\s+(?:(?:me|te|se|ya|yo|really|actually|nunca)\s+)?$"
)
_DENIED_SAYING = re.compile(
    r"\b(?:no|nunca|never|didn't|don't|not)\s+(?:he\s+|have\s+)?(?:said|say|think|believe|told"
    r"|dije|dicho"
    r"|digo|creo|pienso|mean|means)\b"
    r"|\b(?:no es (?:cierto|verdad) que|(?:not|isn't) true that)\b"
)
_UNREAL = re.compile(
    r"\b(?:si|if|ojala|imagina|imaginate|imaginemos|supon|supongamos|suppose|supposing|imagine"
    r"|pretend"
    r"|wish|finge|haz como|hagamos como|repeat after me|repite|di que|dile que|diles que|say that"
    r"|translate|traduce|as though|let's say|digamos|would|sueno que|sone|dreamt|dreamed|unless"
    r"|(?:en|in) (?:mi|el|la|un|una|my|the|a) (?:sueno|novela|juego|cuento|pelicula|historia|dream"
    r"|novel|story|game|movie|book|play|song|cancion)|personaje|character|jugar a que|jugamos a"
    r" que)\b"
)
_REPORTED = re.compile(
    r"\b(?:dice|dicen|dijo|dijeron|decia|says?|said|thinks?|cree|creen|piensa|piensan|told me"
    r"|claims?"
    r"|contaba|grito|canta|sings)\b"
)
_OWN_SPEECH = re.compile(r"\b(?:i|yo|ya|te|i've|have)\s+(?:\w+\s+)?$")
_INVERTED = re.compile(
    r"\b(?:do|did|does|should|could|can|will|shall|may|might|am|was|were|where|why|how|when|what"
    r"|donde"
    r"|cuando|como|quien|que tal si)\s+$"
)
_RESET = re.compile(r"\b(?:pero|but|aunque|although|however|sin embargo)\b")
_CONTEXT = 300


def in_earnest(sentence: Sentence, start: int) -> bool:
    """Whether the statement at ``start`` is the user's own, real and not denied.

    The 300 characters before it decide, from the last "but" on.
    """
    if sentence.question or start < sentence.joke:
        return False
    begin = max(0, start - _CONTEXT)
    for reset in _RESET.finditer(sentence.folded, begin, start):
        begin = reset.end()
    before = sentence.folded[begin:start]
    if _NEGATED.search(before) or _INVERTED.search(before) or _DENIED_SAYING.search(before):
        return False
    if any(_is_unreal(sentence, match, begin) for match in _UNREAL.finditer(before)):
        return False
    return not any(
        not (match[0] in {"said", "say", "think"} and _OWN_SPEECH.search(before[: match.start()]))
        for match in _REPORTED.finditer(before)
    )


def _is_unreal(sentence: Sentence, match: re.Match[str], offset: int) -> bool:
    if match[0] != "si":
        return True
    # folded, "sí" (yes) looks like "si" (if); so does the "si," of a hurried typist
    start, end = offset + match.start(), offset + match.end()
    accented = sentence.text[start:end].lower() == "sí"
    return not accented and not sentence.folded.startswith(",", end)
