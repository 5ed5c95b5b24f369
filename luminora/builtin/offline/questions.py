"""What a message asks: the keys of facts it wants, or one of a few other questions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from luminora.builtin.offline.lexicon import PETS, RELATIONS
from luminora.builtin.offline.text import fold
from luminora.builtin.offline.values import slug
from luminora.providers.vocabulary import TOPIC_OF


@dataclass(frozen=True, slots=True)
class Question:
    """A question understood.

    Attributes:
        kind: ``fact``, ``own_name``, ``surprise``, ``about_me``, ``memory``, ``offline``, ``ai``,
            ``who``, ``how_are_you`` or ``abilities``.
        keys: For ``fact``, the keys that answer it, best first; a trailing ``_`` means any key
            that begins so.
        noun: The word for whom it asks about, such as ``gata``.
    """

    kind: str
    keys: tuple[str, ...] = ()
    noun: str = ""


_LOOKED_AT = 600

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"(?<![\w'])(?:{pattern})"))
    for kind, pattern in (
        (
            "about_me",
            (
                r"que (?:mas )?(?:sabes|recuerdas|conoces) (?:de|sobre|acerca de) mi\b|que te he"
                r" contado|que recuerdas\W*$"
                r"|(?:dime|cuentame) (?:todo )?lo que sabes de mi|what (?:else )?do you (?:know"
                r"|remember) about me"
                r"|te acuerdas de mi\W*$|me recuerdas\W*$|(?:do|don't) you remember me\b"
                r"|what have i told you|tell me what you know about me|what do you remember\W*$"
            ),
        ),
        (
            "surprise",
            (
                r"(?:no|ya no) (?:lo sabes|te acuerdas|me recuerdas|lo recuerdas)|no sabes (?:quien"
                r" soy|mi nombre|como me llamo)"
                r"|(?:te|se) (?:has|ha) olvidado|lo has olvidado|me has olvidado|don't you (?:know"
                r"|remember)\b(?! (?:when|what|that))"
                r"|you don't (?:know|remember)\W*$|(?:have|did) you (?:forgotten|forget)|you forgot"
            ),
        ),
        (
            "offline",
            (
                r"(?:estas|andas|funcionas|respondes) (?:offline|sin conexion|sin internet"
                r"|desconectad\w|en linea|conectad\w)"
                r"|are you (?:offline|online|connected)|que modelo (?:eres|usas)|(?:what|which)"
                r" (?:model|llm) (?:are you|do you use)"
                r"|(?:eres|are you|usas) (?:chat ?gpt|gpt\S*|claude|deepseek|gemini|llama)"
            ),
        ),
        (
            "ai",
            (
                r"(?:eres|sos|es usted) (?:una?|el|la)? ?(?:ia|inteligencia artificial|robot|bot"
                r"|human[oa]|persona|maquina"
                r"|programa|real|de verdad)\b|are you (?:an? |really |just )*(?:ai|artificial|robot"
                r"|bot|human|person|real"
                r"|machine|program|chatbot|computer)\b"
            ),
        ),
        (
            "own_name",
            (
                r"como (?:te llamas|se llama usted)|cual es tu nombre|dime tu nombre|what(?:'s| is)"
                r" your name|whats your name"
                r"|tell me your name|como te llamo"
            ),
        ),
        (
            "who",
            (
                r"quien eres|who are you|hablame de ti|cuentame de ti|tell me about yourself|que"
                r" eres\W*$|what are you\W*$"
            ),
        ),
        (
            "how_are_you",
            (
                r"como (?:estas|andas|te encuentras|te sientes|te va|va todo)|que tal (?:estas"
                r"|todo|te"
                r" va)|que tal\W*$"
                r"|how are you|how's it going|how do you feel|how have you been|what's up"
            ),
        ),
        (
            "abilities",
            r"que (?:puedes|sabes) hacer|para que sirves|what can you do|how can you help",
        ),
    )
)

_MEMORY = re.compile(
    r"(?<![\w'])(?:cuando (?:hablamos|hemos hablado|te (?:conte|dije|hable)|mencione)|(?:recuerdas"
    r"|te acuerdas)"
    r"|que (?:te )?(?:dije|conte|hablamos|comente)|hablamos (?:de|sobre)|hemos hablado|de que"
    r" (?:hablamos|hemos hablado)"
    r"|when did (?:i|we)|do you (?:remember|recall)|what did (?:i|we) (?:say|tell|talk|discuss)"
    r"|did (?:i|we) (?:tell|talk"
    r"|mention|say)|have (?:i|we) (?:told|talked|mentioned)|te (?:he )?(?:conte|contado|dije"
    r"|dicho))\b"
)

_FACTS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (tuple(keys.split()), re.compile(rf"(?<![\w'])(?:{pattern})"))
    for keys, pattern in (
        (
            "name",
            (
                r"como me llamo|cual es mi nombre|(?:sabes|recuerdas|dime|te acuerdas de|di)"
                r" (?:cual es )?mi nombre"
                r"|quien soy(?: yo)?\b|what(?:'s| is) my name|(?:know|remember|say|tell me) my"
                r" name|who am i|whats my name"
                r"|what am i called"
            ),
        ),
        (
            "age",
            (
                r"cuantos anos tengo|que edad tengo|(?:cual es|sabes) mi edad|how old am i"
                r"|what(?:'s|"
                r" is) my age"
            ),
        ),
        (
            "birthday",
            (
                r"cuando es mi cumple|cual es mi cumple|cuando cumplo|cuando naci|fecha de mi"
                r" cumple"
                r"|when(?:'s| is) my b(?:irth)?day|when was i born|what(?:'s| is) my"
                r" birthday"
            ),
        ),
        (
            "location",
            (
                r"donde vivo|en que (?:ciudad|pais|sitio|lugar) vivo|where (?:do )?i live|(?:what"
                r"|which) city (?:do )?i live"
                r"|donde estoy viviendo|where am i living|cual es mi ciudad"
                r"|(?:what|which)(?:'s| is) my (?:home )?(?:city|town)"
            ),
        ),
        ("address", r"(?:cual es|sabes) mi direccion|what(?:'s| is) my address"),
        (
            "origin nationality",
            (
                r"de donde (?:soy|vengo)|donde naci|where (?:am i|i'm|i am) from|where do i come"
                r" from"
                r"|cual es mi nacionalidad|what(?:'s| is) my nationality"
            ),
        ),
        (
            "travel_destination goal_",
            (
                r"(?:a ?donde|adonde) (?:voy|viajo|iba|me voy|me iba|vamos|ire|viajaba|viajare"
                r"|quiero ir|dije que)"
                r"|que (?:planes|viajes?|plan) (?:tengo|tenia|habia)"
                r"|cual(?:es)? (?:es|era|son|eran) mis? (?:\w+ )?"
                r"(?:viajes?|destino|planes)|(?:recuerdas|sabes) (?:mi viaje"
                r"|mis planes|a ?donde)"
                r"|where (?:am i|was i|i'm|i am) (?:going|travel|headed"
                r"|flying)|(?:what|which) (?:are|were) my plans"
                r"|what plans|what(?:'s| is) my (?:next )?(?:trip"
                r"|destination)|que iba a hacer"
            ),
        ),
        (
            "company workplace work_location job",
            (
                r"donde trabajo|en que empresa|where (?:do )?i work|para quien trabajo|who do i"
                r" work"
                r" for"
            ),
        ),
        (
            "job company workplace studies",
            (
                r"en que trabajo|de que trabajo|a que me dedico|cual es mi (?:trabajo|profesion"
                r"|oficio)"
                r"|what do i do\b|what(?:'s| is) my (?:job|occupation"
                r"|profession|work)|(?:sabes|recuerdas)"
                r" (?:mi trabajo|a que me dedico|en que trabajo)|what i"
                r" do for"
            ),
        ),
        ("studies", r"que estudio|que carrera|what (?:do i|am i) study"),
        (
            "languages native_language",
            r"que idiomas hablo|cuantos idiomas|what languages|which languages",
        ),
        (
            "allergy_ condition diet",
            (
                r"a que (?:soy|tengo) alerg|(?:que|tengo) alergias|what am i allergic|my allergies"
                r"|que no puedo comer|what can't i eat"
            ),
        ),
        (
            "dislikes_",
            (
                r"que (?:cosas )?(?:no me gustan?|odio|detesto)|what (?:do i|i) (?:hate|dislike|not"
                r" like)|what don't i like"
            ),
        ),
        (
            "likes_ favorite_ hobby hobby_",
            (
                r"que (?:cosas )?me (?:gustan?|encantan?)|(?:cuales son )?mis gustos|what (?:do"
                r" )?i (?:like|love)"
                r"|what things do i like|my interests"
            ),
        ),
        (
            "hobby hobby_ likes_",
            (
                r"(?:cual(?:es)? (?:es|son) )?mis? (?:hobby|hobbies|aficion|aficiones"
                r"|pasatiempos?)|my"
                r" hobb"
            ),
        ),
        (
            "goal_ travel_destination",
            (
                r"que quiero (?:\w+)?|mis? (?:metas?|objetivos?|suenos?|propositos?)\b|what do i"
                r" want"
                r"|my (?:goals?|dreams?)\b"
            ),
        ),
        (
            "children",
            r"cuantos hijos|tengo hijos|how many (?:kids|children)|do i have (?:kids|children)",
        ),
        (
            "siblings brother_name sister_name",
            r"cuantos hermanos|tengo hermanos|how many (?:siblings|brothers|sisters)",
        ),
        (
            "pet_name pet_type",
            r"tengo (?:alguna )?mascotas?|que mascotas?|do i have (?:a |any )?pets?|what pets?",
        ),
        (
            "relationship_status partner_name",
            (
                r"(?:estoy casad|estoy solter|tengo (?:novi|pareja))|am i (?:married|single)"
                r"|do i have a (?:boyfriend|girlfriend|partner)"
            ),
        ),
        ("phone", r"(?:cual es|sabes) mi (?:telefono|numero)|what(?:'s| is) my (?:phone|number)"),
        ("email", r"(?:cual es|sabes) mi (?:correo|email)|what(?:'s| is) my e?-?mail"),
        ("wake_time", r"a que hora me (?:levanto|despierto)|what time do i (?:get|wake) up"),
    )
)

_FAVORITE = re.compile(
    r"(?<![\w'])(?:(?:cual|que|quien) (?:es|era|son) mis? (?P<a>[\w ]{2,25}?) (?:favorit|preferid)"
    r"|mis? (?P<d>[\w]{2,20}(?: de \w+)?) (?:favorit|preferid)"
    r"|que (?P<b>\w{2,20}) (?:me gusta mas|es mi favorit|prefiero)|my favou?rite (?P<c>[\w-]+(?:"
    r" [\w-]+)?))"
)
_CALLED = re.compile(
    r"(?<![\w'])(?:como se llama(?:ba)?n? mis? |quien es mi |(?:cual es )?el nombre de mi "
    r"|(?:recuerdas|conoces|te acuerdas de|sabes de)"
    r" (?:a )?mi |who(?:'s| is) my |the name of my |what(?:'s| is) my |what did i call my |what do"
    r" i call my |remember my )"
    r"(?:mejor |best )?(?P<noun>[a-z]+(?:-in-law)?)"
)


_NOW = tuple(
    (re.compile(rf"\b(?:{past})\b"), now)
    for past, now in (
        (r"vivia|vivi|he vivido|vivias", "vivo"),
        (r"trabajaba|trabaje|he trabajado", "trabajo"),
        (r"estudiaba|estudie", "estudio"),
        (r"me llamaba", "me llamo"),
        (r"se llamaba", "se llama"),
        (r"me dedicaba", "me dedico"),
        (r"era|eran|fue", "es"),
        (r"tenia|tuve", "tengo"),
        (r"gustaba", "gusta"),
        (r"(?:mi|my) (?:antigu[oa]|anterior|old|previous|former|last)", "mi"),
        (r"did i (?:use to )?", "do i "),
        (r"was|were", "is"),
        (r"i used to|i previously|i formerly", "i"),
        (r"lived", "live"),
        (r"worked", "work"),
        (r"studied", "study"),
        (r"(?:mi|my) is", "my"),
    )
)


_EARLIER = re.compile(
    r"\b(?:antes|anterior\w*|antigu[oa]s?|previ[oa]s?|before|previous(?:ly)?|former(?:ly)?|earlier"
    r"|used to|old)\b"
)


def of_earlier(text: str) -> bool:
    """Whether it says that it wants what is no longer so; "what was my dog's name?" may not."""
    return bool(_EARLIER.search(fold(text[:_LOOKED_AT])))


def of_now(text: str) -> str:
    """A question about what was as the one about what is: "where did I live" → "where do I live".

    The answer to it is then looked for among what was.
    """
    folded = " ".join(fold(text[:_LOOKED_AT]).split())
    for past, now in _NOW:
        folded = past.sub(now, folded)
    # "mi" is also what "my old" has become in an English question
    return (
        folded
        if re.search(r"\b(?:que|cual|donde|como|quien|dime)\b", folded)
        else re.sub(r"\bmi\b", "my", folded)
    )


def understand(text: str) -> Question | None:
    """The question in ``text``, or None if it asks nothing that is understood."""
    folded = " ".join(fold(text[:_LOOKED_AT]).split())
    for kind, pattern in _KINDS[:2]:
        if pattern.search(folded):
            return Question(kind)
    fact = _about_a_fact(folded)
    if fact:
        return fact
    for kind, pattern in _KINDS[2:]:
        if pattern.search(folded):
            return Question(kind)
    return Question("memory") if _MEMORY.search(folded) else None


def _about_a_fact(folded: str) -> Question | None:
    favorite = _FAVORITE.search(folded)
    if favorite:
        noun = next(found for found in favorite.groups() if found).strip()
        noun = noun if noun in TOPIC_OF else re.split(r" (?:is|de|es)\b", noun)[0]
        topic = TOPIC_OF.get(noun) or TOPIC_OF.get(noun.split()[0]) or slug(noun)
        return Question("fact", (f"favorite_{topic}",))
    for keys, pattern in _FACTS:
        if pattern.search(folded):
            return Question("fact", keys)
    called = _CALLED.search(folded)
    if called and (noun := called["noun"].removesuffix("s")) in PETS:
        return Question("fact", ("pet_name", "pet_type"), noun)
    if called and called["noun"] in RELATIONS:
        return Question("fact", (f"{RELATIONS[called['noun']]}_name",))
    return None


_STARTS = re.compile(
    r"(?:^|[.!;\n]|\b(?:hola|oye|vaya|pero|bueno|hey|hi|hello|so|well|ok),?)\W*(?:y |and |a"
    r" )?(?:que|quien|como|donde"
    r"|adonde|cuando|cual|cuales|cuantos|por que|sabes|recuerdas|puedes|eres|estas|what|whats|who"
    r"|where|when|why|how"
    r"|which|do you|don't you|can you|could you|are you|is it|does|did|do i|am i|dime|tell me"
    r"|cuentame)\b"
)


def is_question(text: str) -> bool:
    """Whether ``text`` asks something, understood or not."""
    short = text[:_LOOKED_AT]
    return "?" in short or "¿" in short or bool(_STARTS.search(fold(short)))
