"""What the user says of themselves: one rule per way of saying it, with the reader of its value.

Triggers are matched on folded text and contain no nested repetition, so a rule's cost grows with
the length of the text and no faster.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from luminora.builtin.offline import values
from luminora.builtin.offline.lexicon import AILING, CONDITIONS, DIETS, LANGUAGES
from luminora.builtin.offline.readers import (
    Reader,
    activity,
    age,
    destination,
    dislikes,
    fan,
    favorite,
    free,
    from_list,
    goal,
    is_my_favorite,
    known_place,
    languages,
    likes,
    matching,
    one,
    several,
    studies,
    supports,
    travel,
)
from luminora.builtin.offline.relations import (
    called_relation,
    counted_relatives,
    is_my_relation,
    my_relation,
    named_pets,
    owned_pet,
)
from luminora.builtin.offline.selves import i_am, i_work_at, job, soy, trabajo_en


@dataclass(frozen=True, slots=True)
class Rule:
    """A way of saying something: what announces it, and what reads the value that follows."""

    trigger: re.Pattern[str]
    read: Reader


def _rule(trigger: str, read: Reader) -> Rule:
    return Rule(re.compile(rf"(?<![\w'])(?:{trigger})"), read)


_SO = r"(?:\s+(?:mucho|muchisimo|tambien|demasiado|un monton|tanto))?"
_NOW = r"(?:\s+(?:ahora|actualmente|solo|sola|aqui|currently|now|alone|happily))?"

RULES: tuple[Rule, ...] = (
    # name
    _rule(
        r"(?:me llamo|mi nombre(?: completo)? es|puedes llamarme|me dicen|me puedes decir|llamame"
        r"|my (?:full |real )?name(?: is|'s)|i go by|the name's|^name's|(?<=hey, )name's"
        r"|(?:people|friends|they|everyone"
        r"|you can) call me)\b",
        one("personal_info", "name", values.full_name, 0.95),
    ),
    _rule(r"call me\b", one("personal_info", "name", values.bare_name)),
    _rule(
        r"no (?:me llamo|soy) [\w ]{1,30},? sino(?: que me llamo| que soy)?\b",
        one("personal_info", "name", values.bare_name, 0.95),
    ),
    _rule(r"soy(?: yo,)?(?=\s)", soy),
    _rule(r"(?:i'm|i am|im)(?=\s)", i_am),
    # age and birthday
    _rule(
        r"(?:tengo|acabo de cumplir|cumplo|cumpli|hoy cumplo|i'm|i am|im|i turned"
        r"|i(?:'ve)? just turned"
        r"|mi edad es(?: de)?|my age is)(?=\s)",
        age,
    ),
    _rule(
        r"(?:mi cumple(?:anos)? es|cumplo anos|naci|mi fecha de nacimiento es|my (?:birthday|bday)"
        r" is"
        r"|my birthday's|i was born|my date of birth is)\b",
        one("personal_info", "birthday", values.date, 0.95),
    ),
    # where
    _rule(
        rf"(?:vivo|resido|(?:estoy|sigo) viviendo){_NOW} en|llevo [\w ]{{1,20}} viviendo en|(?:me"
        rf" (?:he mudado|mude|acabo de mudar)"
        rf"|acabo de mudarme|nos mudamos|nos hemos mudado)(?: hace poco)? a|mi ciudad es"
        rf"|i (?:(?:now|currently|still|also) )?(?:live|reside){_NOW} in|i(?:'m| am) (?:now"
        rf" )?(?:living|based)"
        rf"{_NOW} in|i(?:'ve| have) (?:been living|lived) in(?=[^.]{{1,40}} (?:for|since) )|(?:i"
        rf"|we)(?:'ve| have)? (?:just |recently )?moved to|i am in the city of",
        one("location", "location", values.place, 0.95),
    ),
    _rule(
        r"naci en|me crie en|i was born in|i grew up in|i come from|i(?:'m| am) originally from"
        r"|soy originari[oa] de|mi ciudad natal es|my hometown is|my home town is",
        one("location", "origin", known_place),
    ),
    _rule(
        r"(?:mi direccion(?: de casa| postal)? es|my (?:home )?address is)\b",
        one("location", "address", free, 0.95),
    ),
    # contact
    _rule(
        r"(?:mi (?:email|correo(?: electronico)?|e-mail) es|my (?:email|e-mail)(?: address)? is)",
        one("personal_info", "email", matching(r"[\w.+-]{1,64}@[\w.-]{1,100}\w"), 0.95),
    ),
    _rule(
        r"(?:mi (?:numero(?: de telefono)?|telefono|movil|celular) es"
        r"|my (?:phone|number|phone number|cell|mobile)(?: number)? is)",
        one("personal_info", "phone", matching(r"\+?\d[\d ()-]{5,18}\d"), 0.95),
    ),
    # work and studies
    _rule(r"(?:trabajo|curro) (?:como|de)\b(?! lun)", job("es")),
    _rule(r"(?:mi profesion es|mi oficio es|me dedico a|mi trabajo es ser)\b", job("any")),
    _rule(r"i work(?: part-time| full-time)? as\b", job("en")),
    _rule(r"my (?:job is|profession is|occupation is)\b", job("known")),
    _rule(r"(?:trabajo|curro) (?:en|para)\b", trabajo_en),
    _rule(r"(?:i work|i'm working|i am working) (?:in|at|for)\b", i_work_at),
    _rule(
        r"(?:mi empresa se llama|la empresa donde trabajo es|my company is(?: called)?)\b",
        one("work", "company", values.bare_name),
    ),
    _rule(
        r"(?:estudio|estoy estudiando|curso|i study|i'm studying|i am studying|i'm majoring in"
        r"|i major in)\b",
        studies,
    ),
    # people and pets
    _rule(r"(?:mis?|nuestr[oa]|my|our)(?=\s)", my_relation),
    _rule(
        r"(?:tengo|tenemos|(?:he|hemos) adoptado|adopte|i have|i've got|we have"
        r"|(?:i|we)(?:'ve)? (?:just )?adopted)(?=\s)",
        owned_pet,
    ),
    _rule(r"(?:tengo|tenemos|i have|i've got|we have)(?=\s)", counted_relatives),
    _rule(r"(?:tengo|tenemos|i have|i've got|we have)(?=\s)", named_pets),
    _rule(r"(?:el nombre de mi|the name of my)(?=\s)", called_relation),
    _rule(r"(?:es mi|is my)(?=\s)", is_my_relation),
    _rule(r"(?:es mi|son mis|is my|are my)(?=\s)", is_my_favorite),
    _rule(
        r"(?:estoy|i'm|i am|soy)(?=\s)",
        from_list(
            "relationships",
            "relationship_status",
            frozenset(
                [
                    "soltero",
                    "soltera",
                    "casado",
                    "casada",
                    "divorciado",
                    "divorciada",
                    "viudo",
                    "viuda",
                    "married",
                    "divorced",
                    "widowed",
                    "engaged",
                ]
            ),
        ),
    ),
    # preferences
    _rule(
        r"mis? (?P<noun>[\w-]{2,20}(?: de [\w-]{2,20})?) (?:favorit[oa]s?|preferid[oa]s?) (?:es|son"
        r"|sigue siendo|ha sido siempre|no es [\w ]{1,30}, (?:es|sino))\b",
        favorite,
    ),
    _rule(
        r"my (?:all-time )?(?:favou?rite|fave?) (?P<noun>[\w-]{2,20}(?: [\w-]{2,20})?) (?:is|are"
        r"|has always been|(?:isn't|is not) [\w ]{1,30}, (?:it's|it is|but))\b",
        favorite,
    ),
    _rule(
        rf"(?<!no )me (?:gustan?|encantan?|apasionan?|fascinan?|flipan?|chiflan?|molan?|vuelven?"
        rf" loc[oa])"
        rf"(?![\w]){_SO}|adoro|amo",
        likes,
    ),
    _rule(
        r"i(?: (?:really|absolutely|also|just|do|truly|actually))? (?:love|like|enjoy|adore)\b"
        r"|i(?:'m| am) (?:really )?(?:into|fond of|keen on|crazy about|passionate about)\b",
        likes,
    ),
    _rule(
        r"soy (?:muy |un |una )?(?:fan|amante|aficionad[oa]|fanatic[oa]|apasionad[oa])"
        r"(?: del?| al?| por)\b",
        fan,
    ),
    _rule(r"i(?:'m| am) a (?:big |huge )?(?:fan|lover) of\b", fan),
    _rule(
        r"soy (?:hincha|seguidor|seguidora|socio|socia|del equipo) del?\b|soy(?= del [a-z])",
        supports,
    ),
    _rule(r"i support|i root for", supports),
    _rule(
        rf"(?:a mi )?no me (?:gustan?|encantan?|molan?)(?:{_SO})(?: nada)?\b|odio|detesto|no"
        rf" soporto"
        r"|no aguanto|me dan? asco|me repugnan?",
        dislikes,
    ),
    _rule(
        r"i (?:really |absolutely |just )?(?:hate|dislike|detest|loathe|can't stand|cannot stand)\b"
        r"|i (?:really )?(?:don't|do not|dont) (?:really )?(?:like|enjoy)\b",
        dislikes,
    ),
    # hobbies and languages
    _rule(
        r"(?:mi (?:hobby|aficion|pasatiempo)(?: favorito| principal)? es|mis (?:hobbies|aficiones)"
        r" son"
        r"|my (?:main )?(?:hobby is|hobbies are))\b",
        several("hobbies", "hobby_{}"),
    ),
    _rule(r"(?:toco|practico|juego al?|colecciono|en mi tiempo libre hago)\b", activity),
    _rule(
        r"(?:i (?:play|collect|practice|practise)|in my (?:free|spare) time,? i (?:do|play|paint"
        r"|make))\b"
        r"(?: the\b)?",
        activity,
    ),
    _rule(r"(?:hablo|i speak|i can speak|i'm fluent in|i am fluent in)(?=\s)", languages),
    _rule(
        r"(?:mi (?:idioma nativo|lengua materna) es|my (?:native|first) language is"
        r"|my mother tongue is)(?: el)?\b",
        from_list("personal_info", "native_language", LANGUAGES),
    ),
    # travel
    _rule(
        r"(?:me )?(?:voy|vamos|nos vamos|ire|iremos)(?: (?:de viaje|de vacaciones|a viajar|a ir|a"
        r" volar"
        r"))?(?=(?: a| al| para)\s)|(?:viajo|viajare|viajamos|vuelo|volare|volamos)(?=(?: a| al|"
        r" para)\s)"
        r"|voy a visitar|voy a irme(?= a)|mi (?:proximo )?viaje(?=(?: al?)\s)|mi proximo destino"
        r" es",
        travel,
    ),
    _rule(
        r"(?:i'm|i am|we're|we are) (?:going|travell?ing|flying|heading|off|moving out)(?: on"
        r" (?:vacation"
        r"|holiday))? to\b|i'll (?:travel|fly|go) to|(?:i'm|i am|we're) (?:going to (?:visit"
        r"|travel to)"
        r"|visiting)\b|(?:my|our) (?:upcoming )?(?:trip|flight|vacation|holiday) to\b"
        r"|my next destination is",
        one("travel", "travel_destination", destination),
    ),
    # goals
    _rule(
        r"(?:(?P<announced>mi (?:meta|objetivo|sueno|proposito)(?: es)?|my (?:goal|dream|ambition)"
        r" is"
        r"(?: to)?)|quiero|quisiera|me gustaria|planeo|espero|sueno con|estoy intentando|i want to"
        r"|i'd like to"
        r"|i'd love to|i would (?:like|love) to|i plan to|i hope to|i'm trying to|i dream"
        r" of)(?=\s)",
        goal,
    ),
    # health
    _rule(
        r"(?:soy alergic[oa]|tengo alergia|i'm allergic|i am allergic) (?:al?|to)\b",
        one("health", "allergy_{}", values.thing, 0.95),
    ),
    _rule(
        r"(?:tengo|sufro de|padezco(?: de)?|i have|i suffer from|i've got)(?=\s)",
        from_list("health", "condition", CONDITIONS),
    ),
    _rule(r"(?:soy|i'm|i am|im)(?=\s)", from_list("health", "diet", DIETS)),
    _rule(r"(?:soy|i'm|i am|im)(?=\s)", from_list("health", "condition", AILING)),
    _rule(
        r"(?:but|and|now) based in",
        one("location", "location", values.place, 0.8),
    ),
    # schedule
    _rule(
        r"(?:me (?:levanto|despierto) a las?|i (?:wake|get) up at)\b",
        one("schedule", "wake_time", matching(r"\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m)?"), 0.8),
    ),
)
