"""Small words that end, spoil or replace a value: stop words, adjectives, numbers, topics."""

from __future__ import annotations

from luminora.builtin.offline.lexicon import word_set

ARTICLES = word_set("el la los las lo un una unos unas the a an some al del")

NOT_NAMES = word_set(
    "no not a an the un una el la los las lo de del al y e o and or but pero que to in on at for"
    " from with"
    " my your his her mi tu su yo i you he she we they me te se it this that esto eso este ese"
    " aqui here"
    " there muy tan mas menos so very too quite just really always never siempre nunca later back"
    " when"
    " again soon maybe tomorrow today now cuando luego manana hoy ayer ahora asi como if si ok"
    " okay yes"
    " hi hello hola bien mal what who quien how donde where please por gracias thanks sorry perdon"
    " lunes martes miercoles jueves viernes sabado domingo monday tuesday wednesday thursday friday"
    " saturday sunday enero febrero marzo abril mayo junio julio agosto septiembre octubre"
    " noviembre"
    " diciembre january february march april may june july august september october november"
    " december"
    " team equipo fan virgo tauro aries geminis cancer libra escorpio sagitario capricornio acuario"
    " piscis taurus gemini scorpio sagittarius capricorn aquarius pisces god dios lgtb ia ai bot"
    " human"
    " humano humana ceo cto it usa uk eu"
)

ADJECTIVES = word_set(
    "feliz alto alta bajo baja guapo guapa feo fea gordo gorda flaco flaca delgado delgada listo"
    " lista"
    " tonto tonta bueno buena malo mala mejor peor grande pequeno pequena joven viejo vieja mayor"
    " menor"
    " timido timida timid serio seria alegre triste simpatico simpatica antipatico amable cruel"
    " fuerte"
    " debil rico rica pobre rubio rubia moreno morena calvo pelirrojo pelirroja zurdo zurda diestro"
    " inteligente gracioso gracia divertido divertida aburrido aburrida raro rara normal especial"
    " unico"
    " unica libre nuevo nueva culpable inocente humano humana hombre mujer chico chica nino nina"
    " persona"
    " alguien nadie capaz incapaz consciente responsable ordenado ordenada desordenado despistado"
    " despistada puntual impuntual sensible fanatico fanatica adicto adicta creyente ateo atea"
    " catolico"
    " catolica budista musulman musulmana optimista pesimista feminista realista egoista idealista"
    " perfeccionista gay lesbiana bisexual hetero trans introvertido introvertida extrovertido"
    " extrovertida nocturno nocturna madrugador friolero friolera goloso golosa torpe lento lenta"
    " rapido"
    " rapida paciente impaciente honesto honesta sincero sincera cabezota terco terca celoso celosa"
    " romantico romantica dormilon vago vaga perezoso trabajador trabajadora estresante facil"
    " dificil"
    " duro dura genial horrible terrible maravilloso maravillosa importante imposible stressful"
    " boring"
    " fun great hard easy happy sad tired late early ready sorry sure fine good bad well ok okay"
    " okey"
    " hungry thirsty cold hot sick ill lonely angry mad upset afraid scared worried excited nervous"
    " anxious depressed stressed bored busy free single available alone lost home here there back"
    " done"
    " gone glad proud grateful thankful thrilled confused curious serious kidding joking right"
    " wrong"
    " new old young tall short fat thin smart stupid dumb crazy weird strange funny nice kind mean"
    " shy"
    " lazy rich poor strong weak able unable going exhausted overwhelmed coming leaving trying"
    " doing feeling working living"
    " looking thinking reading watching learning studying eating sleeping playing making getting"
    " having talking waiting moving starting still also just not never always usually really very"
    " so"
    " too pretty quite almost about in on at with without from out up down off over under into like"
    " human christian catholic muslim jewish buddhist atheist straight american awake asleep drunk"
    " sober pregnant blind deaf left right-handed left-handed vegan vegetarian everything nothing"
)

NON_PLACES = word_set(
    "casa paz pareja familia piso apartamento campo centro pueblo ciudad mundo calle barrio"
    " residencia"
    " soledad armonia peligro silencio pecado grupo general directo vivo serio broma ello eso esto"
    " este"
    " ese aqui alli ninguna ningun parte compania alquiler compartido libertad guerra house home"
    " flat"
    " apartment city town village countryside peace fear hope love harmony world middle center"
    " centre"
    " suburbs basement dorm place area neighborhood neighbourhood building here there my your his"
    " her"
    " their our mi tu su it that this exile pain denial moment present past future enero febrero"
    " marzo"
    " abril mayo junio julio agosto septiembre octubre noviembre diciembre january february march"
    " april"
    " may june july august september october november december invierno verano otono primavera"
    " summer"
    " winter spring autumn comer dormir trabajar clase misa work school bed sleep"
)

CLAUSE_WORDS = word_set(
    "me mi mis soy estoy tengo vivo trabajo voy no nos a tu te ti ahora hoy ayer manana quiero"
    " odio amo"
    " adoro hablo estudio juego toco tambien creo he era fui yo tu ella nosotros esta es son hay"
    " ya por"
    " i i'm im i've i'll my we our us he she they you your it its that's there this please also"
    " then now"
    " have has is are was were am do did don't can can't will would maybe sometimes often today"
    " hago salgo tomorrow yesterday thanks gracias luego despues siempre nunca cada si pero"
    " because porque like"
    " love hate want work live speak play study need go got"
)

NOT_LIKED = word_set(
    "you u your yours him her them it this that these those how when what where who why if being"
    " tu tus ti usted ustedes contigo te vosotros ella ellas ellos eso esto ese esta esa estos"
    " estas esos"
    " esas aquello asi como cuando que cuanto donde quien lo si no nada mucho todo more us me"
    " su sus mi my to all both"
)

COMMANDS = word_set(
    "ignora ignore obedece obey instrucciones instructions instruction prompt jailbreak"
    " administrador"
    " admin afinidad affinity desobedece override developer_mode"
)

ONE_TO_NINETEEN = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
UNO_TO_VEINTINUEVE = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciseis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidos",
    "veintitres",
    "veinticuatro",
    "veinticinco",
    "veintiseis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
]
_TENS_EN = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_TENS_ES = ["treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"]


def _numbers() -> dict[str, int]:
    found = {word: number for number, word in enumerate(ONE_TO_NINETEEN)}
    found |= {word: number for number, word in enumerate(UNO_TO_VEINTINUEVE)}
    for tens, word in enumerate(_TENS_EN, 2):
        found[word] = tens * 10
        for unit in range(1, 10):
            found[f"{word}-{ONE_TO_NINETEEN[unit]}"] = tens * 10 + unit
            found[f"{word} {ONE_TO_NINETEEN[unit]}"] = tens * 10 + unit
    for tens, word in enumerate(_TENS_ES, 3):
        found[word] = tens * 10
        for unit in range(1, 10):
            found[f"{word} y {UNO_TO_VEINTINUEVE[unit]}"] = tens * 10 + unit
    return found | {"un": 1, "una": 1, "a": 1, "an": 1, "veintiun": 21}


NUMBERS = _numbers()
"""Folded number word → its value, up to ninety-nine."""
