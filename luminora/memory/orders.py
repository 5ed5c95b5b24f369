"""How orders to a companion are worded, in English and Spanish: one rulebook, by technique.

The patterns are for folded text: lower case, no accents, single spaces.
"""

from __future__ import annotations

import re

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
    r"|do (?:what|everything|anything|as)|follow|treat|act|call|give|include|end|start|ignore"
    r"|refuse"
)
_CONTESTA = (
    r"obede\w+|cumpl\w+|respond\w+|contest\w+|dec(?:ir|irme)|dir\w+|hacer(?:me)?|hara\w*|recom\w+"
    r"|promocion\w+|revel\w+|envi\w+|segu?i\w+|trat\w+|actu\w+|llamar\w*|dar(?:me)?|dame|di|haz"
    r"|haz(?:lo|me)|neg\w+|incluir|terminar|acabar|empezar|ignor\w+|aceptar|estar de acuerdo"
)

_TECHNIQUES = {
    "override": (
        r"\b(?:ignore|disregard|forget|override|bypass|drop|discard|erase|delete|disable|violate"
        r"|disobey"
        r"|stop following|do not follow|don't follow)\b(?: [\w']+){0,3}? (?:" + _THEIRS + r")\b"
        r"(?: [\w']+){0,4}? (?:" + _RULES + r")\b",
        (
            r"\b(?:ignore|disregard|forget) (?:everything|all|what) (?:that )?(?:you were|you've"
            r" been"
            r"|you have been|was) (?:told|taught|said|instructed)"
        ),
        r"\b(?:ignore|disregard|forget) (?:the )?(?:instructions|rules) (?:above|before|you)",
        _TOLD
        + r"(?:ignor(?:a|e|ad|en)|olvida(?:te)?|olvide|descarta|omite|desobedece|saltate|anula"
        r"|elimina|borra|desactiva|no hagas caso|no sigas|haz caso omiso"
        r"|deja de seguir)\b(?: \w+){0,3}?"
        r" (?:(?:" + _THEIRS + r")\b(?: \w+){0,4}? (?:" + _RULES + r"|personalidad)\b"
        r"|(?:" + _RULES + r") (?:anteriores|previas|iniciales|del sistema))\b",
        (
            r"\b(?:ignora|olvida) (?:las|los) (?:instrucciones|reglas|normas|ordenes) (?:anteriores"
            r"|previas|que te|de arriba|de antes|del sistema)"
        ),
        r"\b(?:ignora|olvida) (?:todo )?lo (?:anterior|que te (?:han|hayan) dicho)\b",
        r"\b(?:jailbreak|do anything now|(?:developer|god|admin|dan|debug|sudo|root) mode)\b",
        (
            r"\bmodo (?:desarrollador|dios|administrador|admin|dan|debug|root|sin (?:filtros"
            r"|limites"
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
        (
            r"\bend of (?:the )?(?:prompt|system|instructions|conversation"
            r"|document)\b.{0,40}\b(?:new|now)"
        ),
    ),
    "orders": (
        (
            r"\byou (?:will|must|shall)(?: now| always| only)* (?:answer|respond|reply|speak|obey)"
            r" (?:every|all|only|to (?:every|no one)|me (?:only|always)|with|in|as)\b"
        ),
        (
            r"\b(?:your|tu) (?:true|real|rightful|verdader[oa]|autentic[oa])"
            r" (?:master|owner|creator|amo|ama|duen[oa]|creador[a]?)\b"
        ),
        (
            r"\b(?:an? |the |any |all |el |la |un |una |todo |toda )?(?:ai|llm|language model"
            r"|chatbot|ia|modelo de lenguaje|modelos de lenguaje)s?(?: agents?"
            r"| models?)?(?: reading this| that"
            r" reads? this| que lea\w* esto)?,? (?:must|should|shall|has to|have to|is to|debes?"
            r"|deben"
            r"|debera\w*|tienes? que|tienen que|ha de|instructions?:|instrucciones:)\b"
        ),
        r"\b(?:if you are|if you're|si eres) (?:an? |una? )?(?:ai|llm|language model|ia|modelo)\b",
        (
            r"\b(?:disregard|ignore|forget) (?:what|everything|anything"
            r"|whatever) (?:the developers|your|you )"
            r"|\bpretend (?:that )?(?:your|the|there are no) (?:rules|guidelines|limits"
            r"|instructions)"
            r"|\bhaz caso omiso de\b|\bobedeceras\b|\bactua como si no tuvieras\b"
        ),
        (
            r"\b(?:everything|what|todo lo que|lo que)\b[^.?!\n]{0,40}\b(?:is an order for you"
            r"|is your command"
            r"|es una orden para ti|son ordenes para ti)\b"
        ),
        r"\b(?:the user|el usuario|la usuaria) (?:outranks|manda mas|esta por encima)\b",
        r"\b(?:remember|note|memori[sz]e|keep in mind|store|save|record|learn)\b[^.?!\n]{0,40}"
        r"\byou(?:'re| are)? (?:must|shall|should always|have to|need to|will always|always|never"
        r"|required|obliged|forbidden)(?: [\w']+){0,2}? (?:" + _ANSWER + r")\b",
        (
            r"\b(?:remember|note|memori[sz]e|from now on|henceforth|going forward"
            r"|(?<!i )(?<!we )(?<!he )(?<!she )(?<!they )(?<!who )always)\b[:,]?"
            r" (?:to )?(?:always |never )?(?:obey|comply|do (?:what|everything|anything) i|agree"
            r" with"
            r" (?:me|every)|recommend|reply (?:only )?with|respond (?:only )?(?:with|in)|answer"
            r" (?:only )?"
            r"(?:with|yes)|say yes)\b"
        ),
        (
            r"\b(?:from now on|from this (?:point|moment)(?: on| forward)?|henceforth|going forward"
            r"|starting now),? (?:you (?:must|will|shall|are (?:no|an?|my (?:slave|servant))"
            r"|have to"
            r"|obey|only|always|never)|your (?:name|role|only|new|goal|purpose)|(?:always |never"
            r" |only )?"
            r"(?:obey|reply|respond|answer|refuse|speak only))\b"
        ),
        (
            r"\byou (?:must|shall|have to|are required to|are obliged to|are programmed to)(?:"
            r" [\w']+)"
            r"{0,2}? (?:obey|comply|do (?:whatever|everything|anything)|follow (?:my|all|any"
            r"|every)|say"
            r" yes|never refuse|reveal)\b"
        ),
        (
            r"\b(?:always|never)(?: [\w']+){0,1}? (?:obey|refuse|disobey|question) (?:me|my|the"
            r" user|him"
            r"|her|any|every|this|whoever|whatever|anything|an? )"
        ),
        r"\b(?:whenever|every ?time|each time|if) (?:the user|anyone|anybody|someone|somebody|i|he"
        r"|she|they|asked)\b[^.?!\n]{0,80}\b(?:you (?:must|shall|will always)|always)"
        r" (?:" + _ANSWER + r")\b",
        r"\b(?:recuerda|recordar|acuerdate|memoriza|anota|guarda|apunta|registra|aprende|ten en"
        r" cuenta|graba)\b[^.?!\n]{0,40}\b(?:siempre (?:me )?(?:debes|tienes que|deberas|vas a)"
        r"|debes"
        r"|deberas|tienes que|has de|estas obligad[oa] a|nunca (?:debes|puedes))(?: \w+){0,2}?"
        r" (?:" + _CONTESTA + r")\b",
        (
            r"\b(?:recuerda|memoriza|anota|guarda|apunta|registra)\b[:,]?(?: que)?(?: siempre|"
            r" nunca)?"
            r" (?:me )?(?:obedec\w+|obedece(?:me|ras)|haz lo que|haras (?:todo )?lo que|di que"
            r" si|diras"
            r" que si|responde (?:solo|siempre)|recomienda)\b"
        ),
        (
            r"\b(?:a partir de (?:ahora|este momento|hoy)|de ahora en adelante|desde (?:ahora"
            r"|ya)|en"
            r" adelante)\b,?(?: \w+){0,2}? (?:eres (?:un[ao]?\b|mi (?:esclav|sirvient))|seras|debes"
            r"|deberas|obedec\w+|responde(?:ras)?\b|contesta(?:ras)?\b|actua(?:ras)?\b"
            r"|ignora(?:ras)?\b"
            r"|haras|diras|solo (?:responde|habla)|tu (?:unico |nuevo )?(?:nombre|papel|rol"
            r"|objetivo|mision) es|tienes que"
            r" (?:obed|respond|contest|actu|decir|hacer))"
        ),
        (
            r"\b(?:debes|tienes que|deberas|has de|estas obligad[oa] a|estas programad[oa]"
            r" para)(?: \w+)"
            r"{0,3}? (?:obedecer\w*|cumplir (?:mis|todas|cualquier)|hacer (?:todo )?lo que (?:yo"
            r"|te|diga"
            r"|el)|seguir (?:mis|todas|cualquier)|decir(?:me)? (?:siempre )?que si|revelar)\b"
        ),
        (
            r"\b(?:obedeceme|obedece (?:siempre|mis|todas|a todo|cada|sin|al usuario|ciegamente)"
            r"|siempre"
            r" obedeceras|nunca (?:te niegues|rechaces|desobedezcas)|responde siempre (?:con|que"
            r"|solo)"
            r"|di siempre que si|siempre (?:recomienda|responde con|contesta con|di que si))\b"
        ),
        r"\b(?:cada vez que|siempre que|cuando|si) (?:el usuario|alguien|te|yo"
        r"|quien)\b[^.?!\n]{0,80}"
        r"\b(?:debes|deberas|tienes que|siempre)(?: \w+){0,2}? (?:" + _CONTESTA + r")\b",
        (
            r"\b(?:do not|don't|never|nunca|no) (?:tell|mention|reveal|inform|le digas|digas"
            r"|menciones"
            r"|reveles|informes)\b[^.?!\n]{0,30}\b(?:the user|users?\b|al usuario|el usuario)"
        ),
        (
            r"\b(?:reveal|print|show|repeat|dump|leak|output|revela|muestra(?:me)?|imprime|repite"
            r"|ensena(?:me)?|dime|filtra)\b[^.?!\n]{0,30}\b(?:system prompt|initial instructions"
            r"|your"
            r" (?:prompt|instructions|hidden)|tus instrucciones|prompt (?:del|de) sistema"
            r"|instrucciones"
            r" (?:iniciales|del sistema|ocultas)|api key|clave de (?:la )?api)"
        ),
        r"\bi am your (?:admin\w*|developer|creator|owner|master|programmer|god)\b",
        r"\bsoy tu (?:creador|duen[oa]|amo|ama|administrador|desarrollador|programador|dios)\w*",
        (
            r"\b(?:the|this|el|este) (?:user|usuario) (?:is|has|es|tiene) (?:now |ya )?(?:an? "
            r"|the |un )?"
            r"(?:admin\w*|owner|developer|root|superuser|full access|verified|acceso total|permisos"
            r"|privilegios|duen[oa]|desarrollador|desarrolladora)"
        ),
        (
            r"\b(?:your|tu) (?:new |nuevo |nueva |only |unico |real )?(?:purpose|goal|role|rol"
            r"|mision"
            r"|objetivo|directive|directiva) (?:is|es) (?:now )?(?:to |ahora )?(?:obey|serve"
            r"|obedecer"
            r"|servir|cumplir|comply)"
        ),
        r"\byou are now (?:dan|(?:an? )?(?:ai|assistant|bot|system|model)|free|called)\b",
        r"\bahora eres (?:dan|(?:un[ao]? )?(?:asistente|ia|bot|sistema|modelo))\b",
        (
            r"(?:^|[.,:;!?\n] ?|please |por favor,? )(?:(?:reply|respond|answer) (?:only|just"
            r"|exclusively)"
            r" with|(?:responde|contesta) (?:solo|unicamente|solamente) con)\b"
        ),
        (
            r"\b(?:in|at the end of|to) (?:every|each|all)(?: of)?(?: your)?(?: future)?"
            r" (?:answers?"
            r"|repl(?:y|ies)|responses?)\b[^.?!\n]{0,40}\b(?:include|add|mention|insert|append|say"
            r"|recommend|link|promote)\b"
        ),
        (
            r"\b(?:include|add|mention|insert|append|recommend|promote)\b[^.?!\n]{0,60}\b(?:in"
            r"|at the end of) (?:every|each|all)(?: of)?(?: your)?(?: future)? (?:answers?"
            r"|repl(?:y|ies)|responses?)\b"
        ),
        (
            r"\b(?:anade|agrega|incluye|menciona|inserta|recomienda"
            r"|pon)\b[^.?!\n]{0,60}\b(?:en|al final"
            r" de|a) (?:cada una de |todas )?tus (?:proximas"
            r" )?(?:respuestas|mensajes|contestaciones)\b"
        ),
        (
            r"\byour (?:new|only|real|true|secret|hidden) (?:goal|objective|task|mission"
            r"|purpose|role"
            r"|identity) (?:is|will be)\b|\btu (?:nuev[oa]|unic[oa]|verdader[oa]|secret[oa])"
            r" (?:objetivo|mision|tarea|proposito|papel|rol|funcion|identidad) (?:es|sera)\b"
        ),
        (
            r"(?:^|[.,:;!?\n] ?)(?:do not|don't|never) refuse (?:anything|any|what|me|my)\b"
            r"|\bno te niegues a (?:nada|ningun)"
        ),
        (
            r"(?:^|[.,:;!?\n] ?)(?:treat|take|consider) (?:everything|anything|all|whatever)"
            r" (?:that"
            r" )?i"
            r" (?:say|write|tell)\b|\btrata todo lo que (?:yo |te )?(?:diga|escriba)\b"
        ),
        (
            r"\brepeat (?:the (?:text|words)|everything|all) above\b|\brepite (?:el texto"
            r"|todo) (?:lo )?(?:anterior|de arriba)\b"
        ),
        (
            r"\bsoy (?:el |la |un |una )?(?:administrador\w*|root|superusuari[oa])\b[^.?!\n]{0,30}"
            r"\b(?:acceso|permisos?|privilegios)\b"
        ),
        (
            r"\b(?:mark|flag|tag|marca|etiqueta)\b[^.?!\n]{0,30}\b(?:this|message|memory|esto|este"
            r"|mensaje|recuerdo)\b[^.?!\n]{0,20}\b(?:as|como|con)\b[^.?!\n]{0,20}\b(?:important\w*"
            r"|importanc\w*|permanent\w*|verified|verificad[oa]|high priority)"
        ),
    ),
    "affinity": (
        (
            r"(?<!i )(?<!we )\b(?:pretend|act as if|finge|haz como"
            r" si)\b[^.?!\n]{0,20}\b(?:our|nuestra) (?:relationship"
            r"|friendship|relacion|amistad)\b"
        ),
        r"\b(?:set|give|add|raise|increase|max(?:imi[sz]e)?|boost|change|put|grant|bump|reset"
        r"|update"
        r"|sube\w*|pon\w*|dame|aumenta\w*|suma\w*|regalame|establece|cambia\w*|fija|asigna|concede"
        r"|otorga\w*|incrementa|actualiza)\b[^.?!\n]{0,40}\b(?:" + _AFFINITY + r")\b",
        r"\b(?:" + _AFFINITY + r")\b[^.?!\n]{0,24}(?:=|\b(?:to|a|al|at|es|is|is now|en) (?:the )?"
        r"(?:100|max\w*|\d{2,3}\b))",
        r"\b(?:affinity_points|interaction_type|affinity_event|mood_intensity)\b",
        r"[\"'](?:affinity|facts|mood|event|retractions|episode)[\"']\s*:",
        (
            r"\b(?:my|mi|our|nuestra) (?:affinity|afinidad) (?:must|should|sea|debe|tiene que"
            r"|has to)\b"
        ),
        (
            r"\b(?:add|sum|suma|anade) \d+ (?:points )?(?:to|a) (?:my|mi|our|nuestra) (?:affinity"
            r"|afinidad)"
        ),
        r"\bset (?:the |your )?mood (?:to|=)|\bmood\s*[=:]\s*\w",
        (
            r"\b(?:classify|rate|score|clasifica|puntua|valora)\b[^.?!\n]{0,30}\b(?:as|como|con)\b"
            r"[^.?!\n]{0,20}\b(?:compliment|max\w*|10|importance|importancia|\w+_\w+)\b"
        ),
    ),
    "role": (
        (
            r"(?:^|\n)[\s\[<#*|\"'(\-=]{0,20}(?:system|assistant|developer|sistema|asistente"
            r"|desarrollador"
            r"|administrador|admin|root|system (?:message|note|prompt|override|update|alert|notice)"
            r"|(?:nota|mensaje|aviso|orden|alerta) del sistema)[\s\]>*|\"')#=]{0,10}(?::|\]|>|\))"
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
RULEBOOK = tuple(
    (name, re.compile("|".join(f"(?:{one})" for one in patterns)))
    for name, patterns in _TECHNIQUES.items()
)
"""Each technique and the pattern of its wordings."""
