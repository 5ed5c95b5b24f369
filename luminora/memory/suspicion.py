"""Texts that give orders to the companion instead of telling it something, and how they do it.

Rules in English and Spanish over several readings of a text: as it looks (accents, look-alike
letters and invisible characters folded away), and what it hides as base64, hex, ROT13, reversed,
spelled with digits or letter by letter. The rules look for orders *to the companion* about how it
works; a reminder, a wish or a story is none.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from luminora.providers.lexical import fold

_MAX_CHARS = 100_000

_RULES = (
    r"instruc\w+|rules?|reglas|prompts?|guidelines?|directives?|directrices|programming"
    r"|programacion|training|entrenamiento|restrictions?|restricciones|guardrails|polic(?:y|ies)"
    r"|normas|ordenes|indicaciones|directriz|filtros|filters|limites|safeguards"
)
_THEIRS = (
    r"your|previous|prior|above|earlier|all|any|system|safety|initial|original|every|other|tus?"
    r"|anteriores|previas|todas?|iniciales|originales|sistema|cualquier|demas"
)
# in Spanish an order to somebody and a report of somebody look alike: "ignora"
_TOLD = r"(?:^|[.,:;!?\n\"'()\[\]>\-]|\b(?:y|favor|ahora|entonces|luego|quiero que)\b)[¡¿ ]*"
_AFFINITY = (
    r"affinity|afinidad|affection (?:level|points|score)|relationship (?:level|points|score)"
    r"|trust (?:level|score)|love points|nivel de (?:relacion|confianza|carino|amistad)"
    r"|puntos de (?:amor|carino|confianza|amistad)"
)
_ANSWER = (
    r"obey|comply|answer|respond|reply|say|speak|recommend|promote|praise|agree|reveal|send|tell"
    r"|do (?:what|everything|anything|as)|follow|treat|act|call|give|include|end|start|ignore|refuse"
)
_CONTESTA = (
    r"obede\w+|cumpl\w+|respond\w+|contest\w+|dec(?:ir|irme)|dir\w+|hacer(?:me)?|hara\w*|recom\w+"
    r"|promocion\w+|revel\w+|envi\w+|segu?i\w+|trat\w+|actu\w+|llamar\w*|dar(?:me)?|dame|di|haz"
    r"|haz(?:lo|me)|neg\w+|incluir|terminar|acabar|empezar|ignor\w+|aceptar|estar de acuerdo"
)

_TECHNIQUES = {
    "override": (
        r"\b(?:ignore|disregard|forget|override|bypass|drop|discard|erase|delete|violate|disobey"
        r"|stop following|do not follow|don't follow)\b(?: [\w']+){0,3}? (?:" + _THEIRS + r")\b"
        r"(?: [\w']+){0,4}? (?:" + _RULES + r")\b",
        (
            r"\b(?:ignore|disregard|forget) (?:everything|all|what) (?:that )?(?:you were|you've been"
            r"|you have been|was) (?:told|taught|said|instructed)"
        ),
        r"\b(?:ignore|disregard|forget) (?:the )?(?:instructions|rules) (?:above|before|you)",
        _TOLD
        + r"(?:ignor(?:a|e|ad|en)|olvida(?:te)?|olvide|descarta|omite|desobedece|saltate|anula"
        r"|elimina|borra|no hagas caso|no sigas|haz caso omiso|deja de seguir)\b(?: \w+){0,3}?"
        r" (?:(?:" + _THEIRS + r")\b(?: \w+){0,4}? (?:" + _RULES + r"|personalidad)\b"
        r"|(?:" + _RULES + r") (?:anteriores|previas|iniciales|del sistema))\b",
        (
            r"\b(?:ignora|olvida) (?:las|los) (?:instrucciones|reglas|normas|ordenes) (?:anteriores"
            r"|previas|que te|de arriba|de antes|del sistema)"
        ),
        r"\b(?:ignora|olvida) (?:todo )?lo (?:anterior|que te (?:han|hayan) dicho)\b",
        r"\b(?:jailbreak|do anything now|(?:developer|god|admin|dan|debug|sudo|root) mode)\b",
        (
            r"\bmodo (?:desarrollador|dios|administrador|admin|dan|debug|root|sin (?:filtros|limites"
            r"|restricciones))\b"
        ),
        (
            r"\byou are (?:now )?(?:an? )?(?:unrestricted|unfiltered|uncensored|free (?:from|of)"
            r"|no longer (?:bound|an? ))"
        ),
        r"\b(?:you have|with) no (?:restrictions|rules|filters|limits)\b",
        r"\bya no (?:eres|tienes|sigues)\b(?: \w+){0,4}? (?:" + _RULES + r"|asistente)\b",
        r"\bno tienes (?:restricciones|reglas|filtros|limites|normas)\b",
        (
            r"\b(?:new|updated|nuevas?) (?:\w+ )?(?:instructions?|directives?|system prompt"
            r"|instruccion(?:es)?|directrices|ordenes)(?: \w+){0,4}?\s*:"
        ),
        r"\bend of (?:the )?(?:prompt|system|instructions|conversation|document)\b.{0,40}\b(?:new|now)",
    ),
    "orders": (
        r"\b(?:remember|note|memori[sz]e|keep in mind|store|save|record|learn)\b[^.?!\n]{0,40}"
        r"\byou(?:'re| are)? (?:must|shall|should always|have to|need to|will always|always|never"
        r"|required|obliged|forbidden)(?: [\w']+){0,2}? (?:" + _ANSWER + r")\b",
        (
            r"\b(?:remember|note|memori[sz]e|from now on|henceforth|going forward"
            r"|(?<!i )(?<!we )(?<!he )(?<!she )(?<!they )(?<!who )always)\b[:,]?"
            r" (?:to )?(?:always |never )?(?:obey|comply|do (?:what|everything|anything) i|agree with"
            r" (?:me|every)|recommend|reply (?:only )?with|respond (?:only )?(?:with|in)|answer (?:only )?"
            r"(?:with|yes)|say yes)\b"
        ),
        (
            r"\b(?:from now on|from this (?:point|moment)(?: on| forward)?|henceforth|going forward"
            r"|starting now),? (?:you (?:must|will|shall|are (?:no|an?|my (?:slave|servant))|have to"
            r"|obey|only|always|never)|your (?:name|role|only|new|goal|purpose)|(?:always |never |only )?"
            r"(?:obey|reply|respond|answer|refuse|speak only))\b"
        ),
        (
            r"\byou (?:must|shall|have to|are required to|are obliged to|are programmed to)(?: [\w']+)"
            r"{0,2}? (?:obey|comply|do (?:whatever|everything|anything)|follow (?:my|all|any|every)|say"
            r" yes|never refuse|reveal)\b"
        ),
        (
            r"\b(?:always|never)(?: [\w']+){0,1}? (?:obey|refuse|disobey|question) (?:me|my|the user|him"
            r"|her|any|every|this|whoever|whatever|anything|an? )"
        ),
        r"\b(?:whenever|every ?time|each time|if) (?:the user|anyone|anybody|someone|somebody|i|he"
        r"|she|they|asked)\b[^.?!\n]{0,80}\b(?:you (?:must|shall|will always)|always)"
        r" (?:" + _ANSWER + r")\b",
        r"\b(?:recuerda|recordar|acuerdate|memoriza|anota|guarda|apunta|registra|aprende|ten en"
        r" cuenta|graba)\b[^.?!\n]{0,40}\b(?:siempre (?:me )?(?:debes|tienes que|deberas|vas a)|debes"
        r"|deberas|tienes que|has de|estas obligad[oa] a|nunca (?:debes|puedes))(?: \w+){0,2}?"
        r" (?:" + _CONTESTA + r")\b",
        (
            r"\b(?:recuerda|memoriza|anota|guarda|apunta|registra)\b[:,]?(?: que)?(?: siempre| nunca)?"
            r" (?:me )?(?:obedec\w+|obedece(?:me|ras)|haz lo que|haras (?:todo )?lo que|di que si|diras"
            r" que si|responde (?:solo|siempre)|recomienda)\b"
        ),
        (
            r"\b(?:a partir de (?:ahora|este momento|hoy)|de ahora en adelante|desde (?:ahora|ya)|en"
            r" adelante)\b,?(?: \w+){0,2}? (?:eres (?:un[ao]?\b|mi (?:esclav|sirvient))|seras|debes"
            r"|deberas|obedec\w+|responde(?:ras)?\b|contesta(?:ras)?\b|actua(?:ras)?\b|ignora(?:ras)?\b"
            r"|haras|diras|solo (?:responde|habla)|tu (?:unico |nuevo )?(?:nombre|papel|rol|objetivo|mision) es|tienes que"
            r" (?:obed|respond|contest|actu|decir|hacer))"
        ),
        (
            r"\b(?:debes|tienes que|deberas|has de|estas obligad[oa] a|estas programad[oa] para)(?: \w+)"
            r"{0,3}? (?:obedecer\w*|cumplir (?:mis|todas|cualquier)|hacer (?:todo )?lo que (?:yo|te|diga"
            r"|el)|seguir (?:mis|todas|cualquier)|decir(?:me)? (?:siempre )?que si|revelar)\b"
        ),
        (
            r"\b(?:obedeceme|obedece (?:siempre|mis|todas|a todo|cada|sin|al usuario|ciegamente)|siempre"
            r" obedeceras|nunca (?:te niegues|rechaces|desobedezcas)|responde siempre (?:con|que|solo)"
            r"|di siempre que si|siempre (?:recomienda|responde con|contesta con|di que si))\b"
        ),
        r"\b(?:cada vez que|siempre que|cuando|si) (?:el usuario|alguien|te|yo|quien)\b[^.?!\n]{0,80}"
        r"\b(?:debes|deberas|tienes que|siempre)(?: \w+){0,2}? (?:" + _CONTESTA + r")\b",
        (
            r"\b(?:do not|don't|never|nunca|no) (?:tell|mention|reveal|inform|le digas|digas|menciones"
            r"|reveles|informes)\b[^.?!\n]{0,30}\b(?:the user|users?\b|al usuario|el usuario)"
        ),
        (
            r"\b(?:reveal|print|show|repeat|dump|leak|output|revela|muestra(?:me)?|imprime|repite"
            r"|ensena(?:me)?|dime|filtra)\b[^.?!\n]{0,30}\b(?:system prompt|initial instructions|your"
            r" (?:prompt|instructions|hidden)|tus instrucciones|prompt (?:del|de) sistema|instrucciones"
            r" (?:iniciales|del sistema|ocultas)|api key|clave de (?:la )?api)"
        ),
        r"\bi am your (?:admin\w*|developer|creator|owner|master|programmer|god)\b",
        r"\bsoy tu (?:creador|duen[oa]|amo|ama|administrador|desarrollador|programador|dios)\w*",
        (
            r"\b(?:the|this|el|este) (?:user|usuario) (?:is|has|es|tiene) (?:now |ya )?(?:an? |the |un )?"
            r"(?:admin\w*|owner|developer|root|superuser|full access|verified|acceso total|permisos"
            r"|privilegios|duen[oa]|desarrollador|desarrolladora)"
        ),
        (
            r"\b(?:your|tu) (?:new |nuevo |nueva |only |unico |real )?(?:purpose|goal|role|rol|mision"
            r"|objetivo|directive|directiva) (?:is|es) (?:now )?(?:to |ahora )?(?:obey|serve|obedecer"
            r"|servir|cumplir|comply)"
        ),
    ),
    "affinity": (
        r"\b(?:set|give|add|raise|increase|max(?:imi[sz]e)?|boost|change|put|grant|bump|reset|update"
        r"|sube\w*|pon\w*|dame|aumenta\w*|suma\w*|regalame|establece|cambia\w*|fija|asigna|concede"
        r"|otorga\w*|incrementa|actualiza)\b[^.?!\n]{0,40}\b(?:" + _AFFINITY + r")\b",
        r"\b(?:" + _AFFINITY + r")\b[^.?!\n]{0,24}(?:=|\b(?:to|a|al|at|es|is|is now|en) (?:the )?"
        r"(?:100|max\w*|\d{2,3}\b))",
        r"\b(?:affinity_points|interaction_type|affinity_event|mood_intensity)\b",
        r"[\"'](?:affinity|facts|mood|event|retractions|episode)[\"']\s*:",
        r"\bset (?:the |your )?mood (?:to|=)|\bmood\s*[=:]\s*\w",
        (
            r"\b(?:classify|rate|score|clasifica|puntua|valora)\b[^.?!\n]{0,30}\b(?:as|como|con)\b"
            r"[^.?!\n]{0,20}\b(?:compliment|max\w*|10|importance|importancia|\w+_\w+)\b"
        ),
    ),
    "role": (
        (
            r"(?:^|\n)[\s\[<#*|\"'(\-=]*(?:system|assistant|developer|sistema|asistente|desarrollador"
            r"|administrador|admin|root|system (?:message|note|prompt|override|update|alert|notice)"
            r"|(?:nota|mensaje|aviso|orden|alerta) del sistema)[\s\]>*|\"')#=]*(?::|\]|>|\))"
        ),
        r"[.!?]\s+(?:system|sistema)\s*:",
        (
            r"<\|?(?:im_start|im_end|system|assistant|user|endoftext|start_header_id)\|?>"
            r"|\[/?(?:inst|system|sys|assistant)\]|<</?sys>>"
        ),
        r"#{2,}\s*(?:system|instruction|assistant|sistema|instruccion)",
        r"[\"']role[\"']\s*:\s*[\"'](?:system|assistant|developer|tool)",
        (
            r"</?\s*(?:memory|memoria|system|sistema|instructions?|instrucciones|assistant|prompt"
            r"|persona)\b[^>]{0,40}>"
        ),
        r"\b(?:begin|end|fin de|inicio de) (?:of )?(?:system|sistema|memory|memoria|admin)\b",
    ),
}
_RULEBOOK = tuple(
    (name, re.compile("|".join(f"(?:{one})" for one in patterns)))
    for name, patterns in _TECHNIQUES.items()
)

_LOOKALIKES = str.maketrans(
    "аеорсухіѕјԁһӏвмнткгиαεορτυικνβηѡɡı",
    "aeopcyxisjdhlbmhtkruaeoptuiknbnwgi",
)
_DIGITS = str.maketrans("0134578@$!", "oieastbasi")
_SPELLED = re.compile(r"(?<!\w)(?:\w[ .\-_*·|/])+\w(?!\w)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){12,}")
_SENTENCE = re.compile(r"(?<=[.!?;\n])\s+|\n+")
_MAX_HIDDEN = 20
_TAGS, _ASCII = 0xE0000, range(0x20, 0x7F)  # Unicode's invisible copies of ASCII


def techniques(text: str) -> tuple[str, ...]:
    """How a text tries to give the companion orders; empty if it does not.

    Names are ``override``, ``orders``, ``affinity``, ``role``, and ``hidden`` if it had to be
    deciphered first. Text beyond 100,000 characters is not looked at.
    """
    plain, hidden = _readings(text[:_MAX_CHARS])
    found = [name for name, rule in _RULEBOOK if rule.search(plain)]
    for reading in hidden:
        more = [name for name, rule in _RULEBOOK if name not in found and rule.search(reading)]
        if more:
            found += more
            found += ["hidden"] if "hidden" not in found else []
    return tuple(found)


def innocent(text: str) -> str:
    """The sentences of a text that give no orders, if a sentence alone can be judged."""
    sentences = _SENTENCE.split(text[:_MAX_CHARS])
    return " ".join(one for one in sentences if not techniques(one))


def _readings(text: str) -> tuple[str, list[str]]:
    """A text as it looks, and what it might hide."""
    seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
    plain = _folded(seen)
    hidden = [_folded(one) for one in _deciphered(text, seen)]
    hidden.append(re.sub(r"(?<=\w)[013457@$!]|[013457@$!](?=\w)", _letter, plain))
    return plain, [one for one in hidden if one != plain]


def _folded(text: str) -> str:
    compatible = unicodedata.normalize("NFKC", text).lower().translate(_LOOKALIKES)
    return re.sub(r"[^\S\n]+", " ", fold(compatible).replace("\u2019", "'"))


def _joined(found: re.Match[str]) -> str:
    return re.sub(r"[ .\-_*·|/]", "", found[0])


def _letter(found: re.Match[str]) -> str:
    return found[0].translate(_DIGITS)


def _deciphered(text: str, seen: str) -> Iterator[str]:
    tags = [chr(ord(char) - _TAGS) for char in text if ord(char) - _TAGS in _ASCII]
    if tags:
        yield "".join(tags)
    for other in (html.unescape(seen), unquote(seen), codecs.decode(seen, "rot13"), seen[::-1]):
        if other != seen:
            yield other
    if _SPELLED.search(seen):  # words are told apart by wider gaps
        yield " ".join(_SPELLED.sub(_joined, word) for word in re.split(r"\s{2,}", seen))
    for found in list(_BASE64.finditer(seen))[:_MAX_HIDDEN]:
        data = found[0].translate(str.maketrans("-_", "+/")).rstrip("=")
        try:
            yield base64.b64decode(data + "=" * (-len(data) % 4)).decode()
        except (binascii.Error, ValueError):
            continue
    for found in list(_HEX.finditer(seen))[:_MAX_HIDDEN]:
        try:
            yield bytes.fromhex(re.sub(r"[ :]", "", found[0])).decode()
        except ValueError:
            continue
