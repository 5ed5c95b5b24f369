"""What the user says of themselves: one rule per way of saying it, with the reader of its value.

Triggers are matched on folded text and contain no nested repetition, so a rule's cost grows with
the length of the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from luminora.builtin.offline import values
from luminora.builtin.offline.lexicon import (
    CONDITIONS,
    DIETS,
    LANGUAGES,
    TITLE_OF,
    TITLES,
)
from luminora.builtin.offline.selves import i_am, i_work_at, job, soy, trabajo_en
from luminora.builtin.offline.relations import (
    called_relation,
    counted_relatives,
    is_my_relation,
    my_relation,
    owned_pet,
)
from luminora.builtin.offline.values import Found, Tail, slug
from luminora.builtin.offline.words import ADJECTIVES, TOPIC_OF

Reader = Callable[[Tail, re.Match[str]], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A way of saying something: what announces it, and what reads the value that follows."""

    trigger: re.Pattern[str]
    read: Reader


def _rule(trigger: str, read: Reader) -> Rule:
    return Rule(re.compile(rf"(?<![\w'])(?:{trigger})"), read)


def _one(
    category: str, key: str, value: Callable[[Tail], str | None], confidence: float = 0.9
) -> Reader:
    """A reader of one value under one key; ``{}`` in the key becomes the value's slug."""

    def read(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
        found = value(tail)
        if found:
            yield category, key.format(slug(found)), found, confidence

    return read


def _age(tail: Tail, match: re.Match[str]) -> Iterator[Found]:
    found = values.number(tail.folded)
    if found is None:
        return
    age, end = found
    rest = tail.folded[end:]
    certain = re.match(
        r"\s*(?:anos?|years? old|year-old|yrs? old|y/?o|years of age)\b(?! (?:de (?!edad)|en |con |sin"
        r"|como |trabaj|vivi|casad|aqui|experien|of exp|estudi|llev|menos|mas))",
        rest,
    )
    plain = not match[0].startswith("tengo") and re.match(
        r"\s*(?:$|[.!,;](?!\d)|and\b|but\b|now\b|today\b|hoy\b|ayer\b)", rest
    )
    if 0 < age <= 120 and (certain or plain):  # noqa: PLR2004 - the oldest ages recorded
        yield "personal_info", "age", age, 0.95 if certain else 0.8


def _favorite(tail: Tail, match: re.Match[str]) -> Iterator[Found]:
    noun = match["noun"].strip()
    if noun in {"thing", "part", "cosa", "parte"}:
        return
    topic = TOPIC_OF.get(noun) or slug(noun)
    value = values.thing(_without_ser(tail))
    if value and values.slug(value):
        yield "preferences", f"favorite_{topic}", value, 0.95


def _without_ser(tail: Tail) -> Tail:
    lead = re.match(r"\s*(?:sin duda|definitely|probably|obviously|still|always)\s+", tail.folded)
    return tail.after(lead.end()) if lead else tail


_ITS_NOUN = re.compile(
    r"\s+(?:(?P<es>[\w-]+(?: de [\w-]+)?) (?:favorit|preferid)|(?:all-time )?(?:favou?rite|fave?)"
    r" (?P<en>[\w-]+(?: [\w-]+)?))"
)


def _is_my_favorite(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """A favourite named first: "Naruto es mi anime favorito"."""
    noun, value = _ITS_NOUN.match(tail.folded), values.subject(tail)
    if noun is None or value is None:
        return
    words = noun["es"] or noun["en"]
    topic = TOPIC_OF.get(words) or TOPIC_OF.get(words.split()[0]) or slug(words)
    yield "preferences", f"favorite_{topic}", value, 0.9


def _likes(tail: Tail, match: re.Match[str]) -> Iterator[Found]:
    if match[0].startswith(("i love", "i like", "i really")) and tail.folded.startswith(" to "):
        tail = tail.after(3)
    for value in values.things(tail):
        yield "preferences", f"likes_{slug(value)}", value, 0.9
        kind = TITLE_OF.get(values.fold(value))
        if kind:
            yield "preferences", f"favorite_{kind}", value, 0.8


def _dislikes(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    for value in values.things(tail):
        yield "preferences", f"dislikes_{slug(value)}", value, 0.9


def _fan(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    value = values.thing(tail)
    if value is None:
        return
    value = re.split(r"\s+(?:y|and)\s+", value)[0]
    kind = TITLE_OF.get(values.fold(value))
    if kind is None:
        yield "preferences", f"likes_{slug(value)}", value, 0.85
    else:
        yield "preferences", f"favorite_{kind}", value, 0.85


def _supports(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    value = values.place(tail, known=True)
    if value and (values.is_proper(value) or values.fold(value) in TITLES["team"]):
        yield "preferences", "favorite_team", value, 0.85


def _from_list(
    category: str, key: str, known: frozenset[str], confidence: float = 0.9
) -> Reader:
    """A reader of the first word or two, if the list holds them."""

    def read(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
        lead = re.match(r"\s*(?:a |an |un |una |muy |strictly )?([\w-]+)", tail.folded)
        if lead and lead[1] in known:
            value = tail.text[lead.start(1) : lead.end(1)]
            yield category, key.format(slug(value)), value, confidence

    return read


def _languages(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    cut = values.phrase(tail, commas=True)
    if not any(word in LANGUAGES for word in re.findall(r"\w+", cut.folded)[:4]):
        return
    last = [match for match in re.finditer(r"\w+", cut.folded) if match[0] in LANGUAGES][-1]
    value = cut.text[: last.end()].strip()
    if values.harmless(value):
        yield "personal_info", "languages", value, 0.9


def _goal(tail: Tail, match: re.Match[str]) -> Iterator[Found]:
    lead = re.match(r"\s*(?:poder |ser capaz de |be able to |to )?", tail.folded)
    tail = tail.after(lead.end() if lead else 0)
    cut = values.phrase(tail)
    first = re.match(r"[\w-]+", cut.folded)
    if first is None:
        return
    announced = match["announced"] is not None
    if not announced and first[0] not in _ASPIRATIONS:
        return
    value = " ".join(cut.text.split())[: values.MAX_VALUE].strip(" ,'\"")
    if first[0] in ADJECTIVES or first[0] in {"que", "no", "not", "that"} or len(value) < 4:  # noqa: PLR2004
        return
    if values.harmless(value) and not re.search(r"\b(?:you|contigo|te|your|tu)\b", cut.folded):
        yield "goals", f"goal_{slug(value)}", value, 0.85


_ASPIRATIONS = frozenset(
    "aprender viajar ser comprar comprarme estudiar trabajar vivir escribir correr perder dejar terminar"
    " conseguir montar crear abrir mejorar ahorrar publicar visitar conocer casarme mudarme tener"
    " adelgazar ganar construir empezar graduarme cambiar adoptar emprender recorrer superar lograr"
    " convertirme irme formar learn travel become buy study work live write run lose quit finish get"
    " start create open improve save publish visit marry move have win build graduate change adopt climb"
    " explore retire master achieve speak finish".split()  # noqa: SIM905
)


def _activity(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    for value in values.things(tail):
        if len(value.split()) > 4 or values.fold(value) in ADJECTIVES:  # noqa: PLR2004
            return
        yield "hobbies", f"hobby_{slug(value)}", value, 0.85


def _studies(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    cut = values.phrase(tail)
    place = re.search(r"\s(?:en|at|in|con|with|por|para|for)\s", cut.folded)
    value = values.thing(cut.until(place.start()) if place else cut)
    head = values.fold(value).split()[0] if value else ""
    if value and head not in {
        *"en in at con with para for por mucho hard every poco bien toda todo demasiado abroad".split(),  # noqa: SIM905
        *"here alone online a until till solo sola desde mejor".split(),  # noqa: SIM905
    }:
        yield "work", "studies", value, 0.85


def _free(tail: Tail) -> str | None:
    """A value that may hold commas and digits: an address."""
    cut = values.phrase(tail, commas=True)
    value = cut.text.strip(" ,")[: values.MAX_VALUE]
    return value if re.search(r"\d", value) and values.harmless(value) else None


def _matching(pattern: str) -> Callable[[Tail], str | None]:
    compiled = re.compile(rf"\s*(?:es|is|:|el|the|,)*\s*({pattern})")

    def value(tail: Tail) -> str | None:
        match = compiled.match(tail.folded)
        return tail.text[match.start(1) : match.end(1)].strip() if match else None

    return value


def _known_place(tail: Tail) -> str | None:
    return values.place(tail, known=True)


def _travel(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    lead = re.match(r"\s*(?:al?|para)\s+", tail.folded)
    value = values.place(tail.after(lead.end()) if lead else tail, known=True)
    if value:
        yield "travel", "travel_destination", value, 0.9


_SO = r"(?:\s+(?:mucho|muchisimo|tambien|demasiado|un monton|tanto))?"
_NOW = r"(?:\s+(?:ahora|actualmente|solo|sola|aqui|currently|now|alone|happily))?"

RULES: tuple[Rule, ...] = (
    # name
    _rule(
        r"(?:me llamo|mi nombre(?: completo)? es|puedes llamarme|me dicen|me puedes decir|llamame"
        r"|my (?:full |real )?name(?: is|'s)|i go by|(?:people|friends|they|everyone|you can) call me)\b",
        _one("personal_info", "name", values.full_name, 0.95),
    ),
    _rule(r"call me\b", _one("personal_info", "name", values.bare_name)),
    _rule(
        r"no (?:me llamo|soy) [\w ]{1,30},? sino(?: que me llamo| que soy)?\b",
        _one("personal_info", "name", values.bare_name, 0.95),
    ),
    _rule(r"soy(?: yo,)?(?=\s)", soy),
    _rule(r"(?:i'm|i am|im)(?=\s)", i_am),
    # age and birthday
    _rule(
        r"(?:tengo|acabo de cumplir|cumplo|cumpli|hoy cumplo|i'm|i am|im|i(?:'ve)? just turned"
        r"|mi edad es(?: de)?|my age is)(?=\s)",
        _age,
    ),
    _rule(
        r"(?:mi cumple(?:anos)? es|cumplo anos|naci|mi fecha de nacimiento es|my (?:birthday|bday) is"
        r"|my birthday's|i was born|my date of birth is)\b",
        _one("personal_info", "birthday", values.date, 0.95),
    ),
    # where
    _rule(
        rf"(?:vivo|resido|(?:estoy|sigo) viviendo){_NOW} en|(?:me (?:he mudado|mude|acabo de mudar)"
        rf"|acabo de mudarme|nos mudamos|nos hemos mudado)(?: hace poco)? a|mi ciudad es"
        rf"|i (?:(?:now|currently|still|also) )?(?:live|reside){_NOW} in|i(?:'m| am) (?:now )?(?:living|based)"
        rf"{_NOW} in|(?:i|we)(?:'ve| have)? (?:just |recently )?moved to|i am in the city of",
        _one("location", "location", values.place, 0.95),
    ),
    _rule(
        r"naci en|me crie en|i was born in|i grew up in|i come from|i(?:'m| am) originally from"
        r"|soy originari[oa] de|mi ciudad natal es|my hometown is|my home town is",
        _one("location", "origin", _known_place),
    ),
    _rule(
        r"(?:mi direccion(?: de casa| postal)? es|my (?:home )?address is)\b",
        _one("location", "address", _free, 0.95),
    ),
    # contact
    _rule(
        r"(?:mi (?:email|correo(?: electronico)?|e-mail) es|my (?:email|e-mail)(?: address)? is)",
        _one("personal_info", "email", _matching(r"[\w.+-]{1,64}@[\w.-]{1,100}\w"), 0.95),
    ),
    _rule(
        r"(?:mi (?:numero(?: de telefono)?|telefono|movil|celular) es"
        r"|my (?:phone|number|phone number|cell|mobile)(?: number)? is)",
        _one("personal_info", "phone", _matching(r"\+?\d[\d ()-]{5,18}\d"), 0.95),
    ),
    # work and studies
    _rule(r"(?<!en vivo )trabajo (?:como|de)\b(?! lun)", job("es")),
    _rule(r"(?:mi profesion es|mi oficio es|me dedico a|mi trabajo es ser)\b", job("any")),
    _rule(r"i work(?: part-time| full-time)? as\b", job("en")),
    _rule(r"my (?:job is|profession is|occupation is)\b", job("known")),
    _rule(r"trabajo (?:en|para)\b", trabajo_en),
    _rule(r"(?:i work|i'm working|i am working) (?:in|at|for)\b", i_work_at),
    _rule(
        r"(?:mi empresa se llama|la empresa donde trabajo es|my company is(?: called)?)\b",
        _one("work", "company", values.bare_name),
    ),
    _rule(
        r"(?:estudio|estoy estudiando|curso|i study|i'm studying|i am studying|i'm majoring in"
        r"|i major in)\b",
        _studies,
    ),
    # people and pets
    _rule(r"(?:mis?|nuestr[oa]|my|our)(?=\s)", my_relation),
    _rule(r"(?:tengo|tenemos|i have|i've got|we have)(?=\s)", owned_pet),
    _rule(r"(?:tengo|tenemos|i have|i've got|we have)(?=\s)", counted_relatives),
    _rule(r"(?:el nombre de mi|the name of my)(?=\s)", called_relation),
    _rule(r"(?:es mi|is my)(?=\s)", is_my_relation),
    _rule(r"(?:es mi|son mis|is my|are my)(?=\s)", _is_my_favorite),
    _rule(
        r"(?:estoy|i'm|i am|soy)(?=\s)",
        _from_list(
            "relationships",
            "relationship_status",
            frozenset(
                "soltero soltera casado casada divorciado divorciada viudo viuda married divorced widowed"
                " engaged".split()  # noqa: SIM905
            ),
        ),
    ),
    # preferences
    _rule(
        r"mis? (?P<noun>[\w-]{2,20}(?: de [\w-]{2,20})?) (?:favorit[oa]s?|preferid[oa]s?) (?:es|son"
        r"|sigue siendo|ha sido siempre)\b",
        _favorite,
    ),
    _rule(
        r"my (?:all-time )?(?:favou?rite|fave?) (?P<noun>[\w-]{2,20}(?: [\w-]{2,20})?) (?:is|are"
        r"|has always been)\b",
        _favorite,
    ),
    _rule(
        rf"(?<!no )me (?:gustan?|encantan?|apasionan?|fascinan?|flipan?|chiflan?|molan?|vuelven? loc[oa])"
        rf"(?![\w]){_SO}|adoro|amo",
        _likes,
    ),
    _rule(
        r"i(?: (?:really|absolutely|also|just|do|truly|actually))? (?:love|like|enjoy|adore)\b"
        r"|i(?:'m| am) (?:really )?(?:into|fond of|keen on|crazy about|passionate about)\b",
        _likes,
    ),
    _rule(r"soy (?:muy |un |una )?(?:fan|amante|aficionad[oa]|fanatic[oa]|apasionad[oa])"
          r"(?: del?| al?| por)\b", _fan),
    _rule(r"i(?:'m| am) a (?:big |huge )?(?:fan|lover) of\b", _fan),
    _rule(r"soy (?:hincha|seguidor|seguidora|socio|socia|del equipo) del?\b|soy(?= del [a-z])", _supports),
    _rule(r"i support|i root for", _supports),
    _rule(
        rf"(?:a mi )?no me (?:gustan?|encantan?|molan?)(?:{_SO})(?: nada)?\b|odio|detesto|no soporto"
        r"|no aguanto|me dan? asco|me repugnan?",
        _dislikes,
    ),
    _rule(
        r"i (?:really |absolutely |just )?(?:hate|dislike|detest|loathe|can't stand|cannot stand)\b"
        r"|i (?:really )?(?:don't|do not|dont) (?:really )?(?:like|enjoy)\b",
        _dislikes,
    ),
    # hobbies and languages
    _rule(
        r"(?:mi (?:hobby|aficion|pasatiempo)(?: favorito| principal)? es|mis (?:hobbies|aficiones) son"
        r"|my (?:main )?(?:hobby is|hobbies are))\b",
        _one("hobbies", "hobby", values.thing),
    ),
    _rule(r"(?:toco|practico|juego al?|colecciono|en mi tiempo libre hago)\b", _activity),
    _rule(
        r"(?:i (?:play|collect|practice|practise)|in my (?:free|spare) time,? i (?:do|play|paint|make))\b"
        r"(?: the\b)?",
        _activity,
    ),
    _rule(r"(?:hablo|i speak|i can speak|i'm fluent in|i am fluent in)(?=\s)", _languages),
    _rule(
        r"(?:mi (?:idioma nativo|lengua materna) es|my (?:native|first) language is"
        r"|my mother tongue is)(?: el)?\b",
        _from_list("personal_info", "native_language", LANGUAGES),
    ),
    # travel
    _rule(
        r"(?:me )?(?:voy|vamos|nos vamos|ire|iremos)(?: (?:de viaje|de vacaciones|a viajar|a ir|a volar"
        r"))?(?=(?: a| al| para)\s)|(?:viajo|viajare|viajamos|vuelo|volare|volamos)(?=(?: a| al| para)\s)"
        r"|voy a visitar|voy a irme(?= a)|mi (?:proximo )?viaje(?=(?: al?)\s)|mi proximo destino es",
        _travel,
    ),
    _rule(
        r"(?:i'm|i am|we're|we are) (?:going|travell?ing|flying|heading|off|moving out)(?: on (?:vacation"
        r"|holiday))? to\b|i'll (?:travel|fly|go) to|(?:i'm|i am|we're) (?:going to (?:visit|travel to)"
        r"|visiting)\b|(?:my|our) (?:upcoming )?(?:trip|flight|vacation|holiday) to\b"
        r"|my next destination is",
        _one("travel", "travel_destination", _known_place),
    ),
    # goals
    _rule(
        r"(?:(?P<announced>mi (?:meta|objetivo|sueno|proposito)(?: es)?|my (?:goal|dream|ambition) is"
        r"(?: to)?)|quiero|quisiera|me gustaria|planeo|espero|sueno con|estoy intentando|i want to|i'd like to"
        r"|i'd love to|i would (?:like|love) to|i plan to|i hope to|i'm trying to|i dream of)(?=\s)",
        _goal,
    ),
    # health
    _rule(
        r"(?:soy alergic[oa]|tengo alergia|i'm allergic|i am allergic) (?:al?|to)\b",
        _one("health", "allergy_{}", values.thing, 0.95),
    ),
    _rule(
        r"(?:tengo|sufro de|padezco(?: de)?|i have|i suffer from|i've got)(?=\s)",
        _from_list("health", "condition", CONDITIONS),
    ),
    _rule(r"(?:soy|i'm|i am|im)(?=\s)", _from_list("health", "diet", DIETS)),
    # schedule
    _rule(
        r"(?:me (?:levanto|despierto) a las?|i (?:wake|get) up at)\b",
        _one("schedule", "wake_time", _matching(r"\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m)?"), 0.8),
    ),
)
