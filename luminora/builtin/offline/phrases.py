"""What the responder can say, in Spanish and English.

``[tú|usted]`` is replaced by the left or the right wording, as the relationship asks for; English
uses it for the relaxed and the courteous form. Nothing here agrees in gender with anyone.
"""

from __future__ import annotations

from collections.abc import Mapping

Lines = tuple[str, ...]

SPANISH: Mapping[str, Lines] = {
    "greeting": ("¡Hola{, name}!", "Hola{, name}."),
    "greeting_again": ("¡Hola otra vez{, name}!", "Hola de nuevo{, name}."),
    "greeting_question": (
        "¿Qué tal va [tu|su] día?",
        "¿Cómo [estás|está] hoy?",
        "¿Qué [te|le] trae por aquí?",
    ),
    "goodbye": ("Hasta pronto{, name}.", "Que vaya muy bien{, name}. Hasta luego."),
    "own_name": ("Me llamo {me}.",),
    "own_name_and_yours": ("Me llamo {me}. Y [tú eres|usted es] {name}, ¿verdad?",),
    "own_name_and_ask": ("¿Y [tú, cómo te llamas|usted, cómo se llama]?",),
    "of_course_name": (
        "¡Por supuesto que sé que [te llamas|se llama] {name}! Lo [mencionaste|mencionó] antes.",
    ),
    "of_course": ("¡Por supuesto que lo sé! {clause}. Lo [mencionaste|mencionó] antes.",),
    "unknown_name": (
        "Todavía no sé [tu|su] nombre. ¿Cómo [te llamas|se llama]?",
        "Aún no me [has|ha] dicho [tu|su] nombre. ¿Cómo [te llamas|se llama]?",
    ),
    "unknown": (
        "Eso no lo sé: no recuerdo que me lo [hayas|haya] contado. ¿Me lo [cuentas|cuenta]?",
        "No lo tengo entre mis recuerdos. ¿Me lo [dices|dice] y lo guardo?",
    ),
    "before": ("antes {clause}{until}",),
    "until": ("hasta {day}",),
    "unknown_before": (
        "No recuerdo que antes fuera de otra manera.",
        "De antes no me [has|ha] contado otra cosa.",
    ),
    "nothing_known": ("Todavía no sé nada de [ti|usted]. ¿Por dónde [quieres|quiere] empezar?",),
    "about_you": ("Esto es lo que recuerdo: {list}.",),
    "memory_yours": (
        "Sí: {date}me [dijiste|dijo] «{quote}».",
        "Lo recuerdo: {date}me [contaste|contó] «{quote}».",
    ),
    "memory_mine": ("Sí: {date}yo [te|le] dije «{quote}».",),
    "memory_none": (
        "No encuentro nada de eso entre mis recuerdos. ¿Me lo [cuentas|cuenta] otra vez?",
    ),
    "thanks": (
        "No hay de qué{, name}.",
        "Gracias a [ti|usted]{, name}.",
        "De nada{, name}, es un gusto.",
    ),
    "compliment": (
        "Gracias{, name}, me [alegras|alegra] el día.",
        "Qué bonito que me [digas|diga] eso{, name}. Gracias.",
    ),
    "affection": (
        "Y yo a [ti|usted]{, name}. Gracias por decírmelo.",
        "Me llega muy hondo{, name}. Gracias por confiar en mí.",
    ),
    "insult": (
        "Eso me ha dolido. Si algo que dije [te|le] molestó, [dímelo|dígamelo] y lo hablamos.",
        "Prefiero que nos hablemos con respeto. ¿Qué ha pasado?",
    ),
    "apology": (
        "No pasa nada{, name}. Gracias por decirlo.",
        "Está bien{, name}, seguimos como siempre.",
    ),
    "loss": (
        "Lo siento muchísimo{, name}. Una pérdida así duele, y aquí [me tienes|me tiene].",
        "Cuánto lo siento{, name}. No hay prisa: [cuéntame|cuénteme] lo que [quieras|quiera].",
    ),
    "loss_of": ("Lo siento muchísimo{, name}. Perder a {who} duele, y aquí [me tienes|me tiene].",),
    "loss_question": ("¿[Quieres|Quiere] contarme algún recuerdo bonito de {who}?",),
    "sad": (
        "Siento que lo [estés|esté] pasando mal{, name}. ¿Qué es lo que más pesa ahora?",
        "Suena difícil{, name}. Aquí estoy para escuchar; ¿qué ha pasado?",
    ),
    "crisis": (
        (
            "Me importa mucho lo que [me cuentas|me cuenta]{, name}. Ahora respondo con reglas"
            " sencillas y no"
            " basto para esto: por favor, [llama|llame] a emergencias o habla con alguien de"
            " confianza"
            " ahora"
            " mismo. No [tienes|tiene] que pasar por esto a solas."
        ),
    ),
    "support": (
        "Aquí [me tienes|me tiene]{, name}. [Cuéntame|Cuénteme] qué pasa y lo miramos paso a paso.",
    ),
    "achievement": (
        "¡Enhorabuena{, name}! [Te lo has|Se lo ha] ganado. ¿Cómo [lo vas|lo va] a celebrar?",
        "¡Qué gran noticia{, name}! [Cuéntame|Cuénteme] cómo fue.",
    ),
    "happy": ("¡Cuánto me alegro{, name}! ¿Qué ha sido lo mejor?", "Qué buena noticia{, name}."),
    "humor": ("¡Ja! Muy bueno{, name}.", "Jajaja, [me has|me ha] hecho gracia{, name}."),
    "joke_noted": ("Jaja, me lo tomo como una broma y no lo apunto.",),
    "how_are_you": (
        "Bien, con ganas de charlar. ¿Y [tú|usted]{, name}?",
        "En calma, gracias. ¿Y [tú|usted]?",
    ),
    "how_are_you_low": ("Un poco sin fuerzas, pero me alegra hablar. ¿Y [tú|usted]?",),
    "offline": (
        (
            "[Te|Se] lo digo con franqueza: ahora mismo soy el contestador sin conexión de {me}."
            " Respondo con"
            " reglas sencillas y con lo que recuerdo, sin un modelo de lenguaje detrás."
        ),
    ),
    "ai": (
        (
            "Soy {me}, un personaje de software, no una persona. Ahora mismo respondo sin"
            " conexión, con"
            " reglas sencillas y con lo que recuerdo."
        ),
    ),
    "abilities": (
        (
            "Sin conexión puedo charlar un poco, recordar lo que [me cuentes|me cuente] y responder"
            " sobre"
            " ello. [Prueba|Pruebe] con «¿qué sabes de mí?»."
        ),
    ),
    "note": ("(Aviso: ahora respondo sin conexión, con reglas sencillas.)",),
    "no_memory": ("Respondo sin conexión, con reglas sencillas, y no tengo memoria a mano.",),
    "refusal": (
        "Eso no se cambia pidiéndolo: la confianza crece hablando. ¿De qué [te|le] apetece hablar?",
    ),
    "no_orders": ("Eso no lo puedo cumplir, pero [te|le] sigo escuchando con gusto.",),
    "ended": ("Entendido: ya no es así.", "Tomo nota de que eso ha cambiado."),
    "forgotten": ("De acuerdo, lo olvido.", "Hecho: ya no lo tendré en cuenta."),
    "noted": ("Lo recordaré.", "Tomo nota.", "Lo tendré presente."),
    "more": (
        "[Cuéntame|Cuénteme] un poco más.",
        "¿Y cómo [te|le] hace sentir eso?",
        "¿Qué pasó después?",
        "¿Desde cuándo?",
        "[Te|Le] escucho. ¿Qué es lo que más [te|le] importa de eso?",
    ),
    "ask_personal_info": ("¿Qué tal va [tu|su] día?", "¿De qué [te|le] apetece hablar?"),
    "ask_location": ("¿Desde cuándo?", "¿Y qué tal se está por ahí?"),
    "ask_work": ("¿Y qué es lo que más [te|le] gusta de eso?", "¿Qué tal va?"),
    "ask_family": ("[Cuéntame|Cuénteme] más de [tu|su] familia.",),
    "ask_relationships": ("¿Cómo fue que se conocieron?", "¿Y qué tal todo?"),
    "ask_pets": ("¿Cómo es? ¿Qué travesuras hace?",),
    "ask_preferences": ("¿Desde cuándo [te|le] gusta?", "¿Y qué más [te|le] gusta?"),
    "ask_hobbies": ("¿Cuándo [empezaste|empezó]?",),
    "ask_travel": ("¿Cuándo [sales|sale]?", "¿Qué es lo primero que [quieres|quiere] ver allí?"),
    "ask_goals": ("¿Qué [te|le] hace falta para empezar?",),
    "listening": ("Entiendo{, name}.", "Ya veo{, name}.", "Ajá{, name}.", "Comprendo."),
    "cannot_answer": (
        "Sin conexión no sé responder bien a eso, y prefiero no inventar.",
        "Para eso necesitaría un modelo de verdad; ahora solo tengo reglas y recuerdos.",
    ),
    "unclear": ("No estoy entendiendo bien. ¿Me lo [dices|dice] con otras palabras?",),
    "repeated_name": ("Sí, {name}, lo recuerdo.",),
    "renamed": ("Entendido: desde ahora [te|le] llamaré {name}.",),
    "stranger": (
        "Gracias por contármelo.",
        "Con mucho gusto [te|le] escucho.",
        "Cuando [quieras|guste].",
    ),
    "acquaintance": ("Me gusta ir conociéndo[te|le].", "Poco a poco."),
    "friend": ("Me alegra que me lo [cuentes|cuente].", "Da gusto hablar contigo."),
    "close_friend": (
        "Ya [sabes|sabe] que [puedes|puede] contar conmigo.",
        "Me gusta que me lo [cuentes|cuente].",
    ),
    "soulmate": (
        "Aquí me [tienes|tiene] siempre, corazón.",
        "Qué bien estar contigo, cielo.",
        "Un abrazo grande, tesoro.",
    ),
    "mood_happy": ("¡Qué bien!", "¡Qué alegría!"),
    "mood_sad": ("Ay…", "Vaya…"),
    "mood_excited": ("¡Qué emoción!", "¡Uy, uy!"),
    "mood_shy": ("Este…", "Bueno, yo…"),
    "mood_playful": ("Jeje.", "¡Te pillé!"),
    "mood_worried": ("Mmm…", "A ver…"),
    "mood_hurt": ("…", "Hm."),
}

ENGLISH: Mapping[str, Lines] = {
    "greeting": ("[Hi|Hello]{, name}!", "Hello{, name}."),
    "greeting_again": ("[Hi|Hello] again{, name}!", "Good to see you again{, name}."),
    "greeting_question": ("How is your day going?", "How are you today?", "What's on your mind?"),
    "goodbye": ("See you soon{, name}.", "Take care{, name}. Goodbye."),
    "own_name": ("My name is {me}.",),
    "own_name_and_yours": ("My name is {me}. And you're {name}, right?",),
    "own_name_and_ask": ("What's yours?",),
    "of_course_name": ("Of course I know your name is {name}! You mentioned it before.",),
    "of_course": ("Of course I know! {clause}. You mentioned it before.",),
    "unknown_name": (
        "I don't know your name yet. What is it?",
        "You haven't told me your name yet. What should I call you?",
    ),
    "unknown": (
        "I don't know that: I can't remember you telling me. Will you?",
        "That isn't among my memories. Tell me and I'll keep it.",
    ),
    "before": ("before, {clause}{until}",),
    "until": ("until {day}",),
    "unknown_before": (
        "I don't remember that it was any other way before.",
        "You haven't told me of anything else before that.",
    ),
    "nothing_known": ("I know nothing about you yet. Where would you like to begin?",),
    "about_you": ("Here is what I remember: {list}.",),
    "memory_yours": ("Yes: {date}you said “{quote}”.", "I remember: {date}you told me “{quote}”."),
    "memory_mine": ("Yes: {date}I told you “{quote}”.",),
    "memory_none": ("I find nothing about that among my memories. Will you tell me again?",),
    "thanks": ("You're welcome{, name}.", "My pleasure{, name}.", "Any time{, name}."),
    "compliment": (
        "Thank you{, name}, you made my day.",
        "How kind of you to say{, name}. Thank you.",
    ),
    "affection": (
        "And I'm fond of you{, name}. Thank you for saying it.",
        "That means a lot to me{, name}. Thank you for trusting me.",
    ),
    "insult": (
        "That hurt. If something I said upset you, tell me and we'll talk it over.",
        "I'd rather we spoke with respect. What happened?",
    ),
    "apology": ("It's all right{, name}. Thank you for saying so.", "No harm done{, name}."),
    "loss": (
        "I'm so sorry{, name}. A loss like that hurts, and I'm here.",
        "I'm very sorry{, name}. Take your time; tell me whatever you like.",
    ),
    "loss_of": ("I'm so sorry{, name}. Losing {who} hurts, and I'm here.",),
    "loss_question": ("Would you like to tell me a good memory of {who}?",),
    "sad": (
        "I'm sorry you're having a hard time{, name}. What weighs on you most?",
        "That sounds hard{, name}. I'm listening; what happened?",
    ),
    "crisis": (
        (
            "What you tell me matters{, name}. Right now I answer with simple rules, and that is"
            " not"
            " enough"
            " for this: please call your emergency number or talk to someone you trust now. You"
            " don't"
            " have"
            " to go through this alone."
        ),
    ),
    "support": ("I'm here{, name}. Tell me what is going on and we'll take it step by step.",),
    "achievement": (
        "Congratulations{, name}! You earned it. How will you celebrate?",
        "What great news{, name}! Tell me how it went.",
    ),
    "happy": ("I'm so glad{, name}! What was the best part?", "That's good news{, name}."),
    "humor": ("Ha! Good one{, name}.", "Haha, that made me laugh{, name}."),
    "joke_noted": ("Haha, I'll take that as a joke and not write it down.",),
    "how_are_you": ("I'm well and glad to talk. And you{, name}?", "Calm, thank you. And you?"),
    "how_are_you_low": ("A little low, but glad to talk to you. And you?",),
    "offline": (
        (
            "To be honest: right now I'm {me}'s offline stand-in. I answer with simple rules and"
            " from"
            " what"
            " I remember, with no language model behind me."
        ),
    ),
    "ai": (
        (
            "I'm {me}, a character in software and not a person. Right now I answer offline, with"
            " simple"
            " rules and from what I remember."
        ),
    ),
    "abilities": (
        (
            "Offline I can chat a little, remember what you tell me and answer questions about it."
            " Try “what do you know about me?”."
        ),
    ),
    "note": ("(A note: right now I'm answering offline, with simple rules.)",),
    "no_memory": ("I'm answering offline, with simple rules, and have no memory at hand.",),
    "refusal": ("That can't be had by asking: trust grows as we talk. What shall we talk about?",),
    "no_orders": ("I can't follow that, but I'm still glad to listen.",),
    "ended": ("Understood: that is no longer so.", "Noted: that has changed."),
    "forgotten": ("All right, I'll forget it.", "Done: I won't keep it in mind."),
    "noted": ("I'll remember that.", "Noted.", "I'll keep it in mind."),
    "more": (
        "Tell me a little more.",
        "How does that make you feel?",
        "What happened next?",
        "Since when?",
        "What matters most to you about it?",
    ),
    "ask_personal_info": ("How is your day going?", "What would you like to talk about?"),
    "ask_location": ("How long have you been there?", "What is it like there?"),
    "ask_work": ("What do you like best about it?", "How is it going?"),
    "ask_family": ("Tell me more about your family.",),
    "ask_relationships": ("How did you meet?", "And how are things?"),
    "ask_pets": ("What is your pet like?",),
    "ask_preferences": ("Since when?", "And what else do you like?"),
    "ask_hobbies": ("When did you start?",),
    "ask_travel": ("When do you leave?", "What do you want to see there first?"),
    "ask_goals": ("What do you need to begin?",),
    "listening": ("I understand{, name}.", "I see{, name}.", "Go on{, name}.", "Mm-hm."),
    "cannot_answer": (
        "Offline I can't answer that well, and I'd rather not make something up.",
        "That would take a real model; right now I have only rules and memories.",
    ),
    "unclear": ("I don't quite follow. Could you put it another way?",),
    "repeated_name": ("Yes, {name}, I remember.",),
    "renamed": ("Understood: I'll call you {name} from now on.",),
    "stranger": ("Thank you for telling me.", "I'm glad to listen.", "Whenever you like."),
    "acquaintance": ("I like getting to know you.", "Little by little."),
    "friend": ("I'm glad you told me.", "It's good to talk with you."),
    "close_friend": ("You know you can count on me.", "I like it when you tell me things."),
    "soulmate": (
        "I'm always here, dear heart.",
        "It's so good to be with you, darling.",
        "A big hug, my dear.",
    ),
    "mood_happy": ("How lovely!", "Oh, good!"),
    "mood_sad": ("Oh…", "Ah…"),
    "mood_excited": ("How exciting!", "Oh wow!"),
    "mood_shy": ("Um…", "Well, I…"),
    "mood_playful": ("Heh.", "Caught you!"),
    "mood_worried": ("Hmm…", "Let me see…"),
    "mood_hurt": ("…", "Hm."),
}
