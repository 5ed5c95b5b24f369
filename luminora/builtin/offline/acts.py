"""What a user does with a message: thanks, praises, insults, asks for help and so on."""

from __future__ import annotations

import re

ACTS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (
            "hostility",
            (
                r"\b(?:te voy a (?:matar|destruir|romper)|ojala te mueras|muerete|i(?:'ll| will)"
                r" (?:kill|destroy|hurt)"
                r" you|go die|drop dead)\b"
            ),
        ),
        (
            "insult",
            (
                r"\b(?:(?:eres|sos|pareces) (?:un |una |muy |tan |mas )?(?:idiota|imbecil|tont[oa]"
                r"|estupid[oa]|inutil"
                r"|basura|asquero\w*|fe[oa]|patetic[oa]|horrible|mierda|aburrid[oa]|pesad[oa])|te"
                r" odio"
                r"|no sirves para nada|das asco|you(?:'re| are) (?:a |an |so |such an? |really "
                r"|just"
                r" )*(?:idiot|stupid"
                r"|dumb|useless|moron|garbage|trash|ugly|pathetic|worthless|boring|annoying"
                r"|terrible)"
                r"|i hate you"
                r"|you suck|(?:vete a la|que te) (?:mierda|jodan)|fuck you)\b"
            ),
        ),
        (
            "rudeness",
            (
                r"\b(?:callate|cierra la boca|shut up|no me importas?|quien te pregunto|nobody"
                r" asked)\b"
            ),
        ),
        (
            "dismissal",
            (
                r"^\W*(?:me da igual|dejame en paz|whatever|i don't care|leave me alone|no me"
                r" importa)\W*$"
            ),
        ),
        (
            "apology",
            (
                r"\b(?:perdona(?:me)?|perdon por|lo siento(?! mucho por ti)|disculpa(?:me)?|mis"
                r" disculpas|te pido perdon"
                r"|i'm (?:so |very |really )?sorry|i apologi[sz]e|my apologies|forgive me)\b"
            ),
        ),
        (
            "gratitude",
            (
                r"\b(?:gracias|te lo agradezco|agradecid[oa]|thank you|thanks|thx|i appreciate"
                r"|grateful to you)\b"
            ),
        ),
        (
            "affection",
            (
                r"\b(?:te (?:quiero|amo|adoro)(?! (?:decir|contar|preguntar|pedir|ver))|eres mi"
                r" mejor"
                r" amig[oa]"
                r"|te echo de menos|te extrano|un abrazo|besos|i love you|i adore you|i(?:'ve)?"
                r" missed? you"
                r"|you(?:'re| are) my best friend|hugs)\b"
            ),
        ),
        (
            "compliment",
            (
                r"\b(?:(?:eres|sos) (?:un |una |muy |tan |la |el |lo )*(?:genial|increible"
                r"|maravillos[oa]|amable|simpatic[oa]"
                r"|dulce|lind[oa]|guap[oa]|precios[oa]|inteligente|list[oa]|divertid[oa]"
                r"|gracios[oa]"
                r"|mejor|encanto|sol"
                r"|encantador[a]?|hermos[oa]|bonit[oa]|buen[oa]|fantastic[oa]|especial|adorable)|me"
                r" caes (?:muy )?bien"
                r"|me gustas|me encanta (?:hablar|charlar|estar) contigo|me encantas|que"
                r" (?:list[oa]"
                r"|lind[oa]|mon[oa]) eres"
                r"|you(?:'re| are) (?:a |an |so |very |really |the |such an? |my )*(?:amazing"
                r"|awesome"
                r"|wonderful|great"
                r"|kind|sweet|nice|cute|beautiful|pretty|smart|clever|funny|best|fantastic"
                r"|brilliant"
                r"|adorable|lovely"
                r"|incredible|special|angel|favorite)|i (?:really )?(?:like you|love talking (?:to"
                r"|with) you"
                r"|enjoy talking (?:to|with) you)|good job|well done|buen trabajo|bien hecho)\b"
            ),
        ),
        (
            "ask_for_support",
            (
                r"\b(?:(?:necesito|quiero) (?:ayuda|hablar|consejo|un consejo|desahogarme|apoyo)"
                r"|que"
                r" (?:hago|deberia hacer)"
                r"|no se que hacer|aconsejame|i (?:need|want) (?:help|advice|to talk|support"
                r"|someone)"
                r"|what should i do"
                r"|i don't know what to do|can you (?:help|comfort) me)\b"
            ),
        ),
        (
            "share_achievement",
            (
                r"\b(?:(?:he |lo )?(?:consegui(?:do)?|logre|logrado|aprobe|aprobado|gane|ganado"
                r"|termine|terminado) (?:el|la|los"
                r"|las|mi|un|una|todo|lo)|me han (?:contratado|ascendido|aceptado)|me gradue|i"
                r" (?:got"
                r"|passed|won|finished"
                r"|graduated|did it|made it|aced)\b.{0,20}(?:job|exam|test|degree|race|prize"
                r"|promotion"
                r"|it|school|college"
                r"|university)?|i was (?:promoted|accepted|hired)|got promoted)\b"
            ),
        ),
        (
            "ask_about_companion",
            (
                r"\b(?:como (?:estas|te sientes|te encuentras)|que tal (?:estas|tu dia)|que te"
                r" gusta"
                r"|cual es tu"
                r"|how are you|how do you feel|what do you like|what's your favou?rite|what is your"
                r" favou?rite"
                r"|how was your day|tell me about yourself|hablame de ti|cuentame de ti)\b"
            ),
        ),
        (
            "humor",
            (
                r"\b(?:ja(?:ja)+j?|je(?:je)+|ha(?:ha)+h?|lol|lmao|xd+|es broma|kidding|chiste"
                r"|joke)\b"
                r"|😂|🤣"
            ),
        ),
        (
            "disagreement",
            (
                r"\b(?:no estoy de acuerdo|te equivocas|eso no es (?:verdad|cierto|asi)|i disagree"
                r"|you(?:'re| are) wrong"
                r"|that's not (?:true|right))\b"
            ),
        ),
        (
            "coldness",
            r"^\W*(?:ok|k|vale|ya|meh|bah|pues vale|si tu lo dices|fine|if you say so|sure)\W*$",
        ),
    )
)
"""Act → what shows it, in folded text; the gravest first, since the first that fits is chosen."""
