"""One name for one thing: how the keys of facts are normalised.

A model calls a user's home ``city`` today, ``ciudad_actual`` tomorrow, and the embedded rules call
it ``location``. They all come here, so that one thing is one fact whoever found it, in whichever
language and category. In order:

1. Lower case, no accents (ñ stays), words joined by ``_``; ``user_``, ``mi_``, ``current_`` and the
   like are dropped at either end.
2. The aliases of :data:`ALIASES`.
3. Favourites: ``fav_movie``, ``pelicula_favorita`` → ``favorite_movie``.
4. Names of people and animals: ``dogs_name``, ``nombre_del_perro`` → ``pet_name``.
5. Families, of which a user has many: ``hobbies`` with the value "chess" → ``hobby_chess``.

A key that none of these know stays as step 1 left it, in the category it came with.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from luminora.providers.lexical import fold
from luminora.providers.vocabulary import TOPIC_OF

CATEGORIES = (
    "personal_info",
    "location",
    "work",
    "family",
    "relationships",
    "pets",
    "preferences",
    "hobbies",
    "travel",
    "goals",
    "health",
    "schedule",
    "other",
)

MAX_KEY = 100
_SLUG = 40

_ALIASES = {
    ("personal_info", "name"): "username full_name fullname complete_name first_name firstname"
    " given_name real_name preferred_name nickname called nombre nombre_completo nombre_de_pila"
    " nombre_usuario nombre_de_usuario apodo se_llama",
    ("personal_info", "age"): "years_old age_years age_in_years edad anos edad_anos",
    ("personal_info", "birthday"): "birth_date birthdate date_of_birth dob born birth_day"
    " cumpleanos fecha_nacimiento fecha_de_nacimiento fecha_cumpleanos fecha_de_cumpleanos",
    ("personal_info", "nationality"): "nacionalidad citizenship",
    ("personal_info", "email"): "mail e_mail email_address correo correo_electronico",
    ("personal_info", "phone"): "phone_number telephone mobile mobile_number cell cell_phone"
    " telefono numero_telefono numero_de_telefono movil celular",
    ("personal_info", "languages"): "language languages_spoken spoken_languages speaks idioma"
    " idiomas habla",
    ("personal_info", "native_language"): "mother_tongue first_language idioma_nativo"
    " lengua_materna",
    ("location", "location"): "city town residence place_of_residence city_of_residence home_city"
    " home_location living_in lives_in live_in residence_city location_city place ciudad"
    " ciudad_residencia ciudad_de_residencia lugar_residencia lugar_de_residencia residencia"
    " ubicacion domicilio_ciudad vive_en donde_vive",
    ("location", "origin"): "hometown home_town birthplace place_of_birth from birth_place"
    " born_in country_of_origin origin_country place_of_origin city_of_origin origen"
    " lugar_nacimiento lugar_de_nacimiento lugar_de_origen ciudad_natal pais_de_origen"
    " ciudad_de_origen",
    ("location", "address"): "home_address street_address postal_address direccion domicilio",
    ("work", "job"): "occupation profession job_title role position career employment work_role"
    " work_field field field_of_work industry sector works_as trabajo profesion ocupacion oficio"
    " puesto cargo empleo trabaja_de sector_laboral",
    ("work", "company"): "employer workplace_name company_name works_at works_for work_company"
    " organization empresa compania empleador trabaja_en lugar_de_trabajo_empresa",
    ("work", "workplace"): "place_of_work work_place lugar_trabajo lugar_de_trabajo",
    ("work", "work_location"): "job_location work_city ciudad_de_trabajo",
    ("work", "studies"): "major study field_of_study degree subject_of_study studying estudios"
    " carrera estudia",
    ("family", "children"): "number_of_children num_children children_count kids number_of_kids"
    " hijos numero_de_hijos cantidad_hijos",
    ("family", "siblings"): "number_of_siblings num_siblings siblings_count hermanos"
    " numero_de_hermanos",
    (
        "relationships",
        "relationship_status",
    ): "marital_status civil_status relationship estado_civil situacion_sentimental",
    ("pets", "pet_type"): "pet pets animal pet_species pet_kind type_of_pet kind_of_pet mascota"
    " mascotas tipo_mascota tipo_de_mascota",
    ("health", "diet"): "dietary_preference dietary_preferences dietary_restriction"
    " dietary_restrictions eating_habits dieta alimentacion",
    ("health", "condition"): "health_condition medical_condition illness disease diagnosis"
    " enfermedad condicion condicion_medica diagnostico",
    ("travel", "travel_destination"): "destination trip_destination next_trip upcoming_trip"
    " travel_plan travel_plans trip next_destination planned_trip vacation_destination"
    " destino destino_viaje destino_de_viaje proximo_viaje viaje plan_de_viaje planes_de_viaje",
    ("schedule", "wake_time"): "wake_up_time wakeup_time hora_despertar hora_de_levantarse"
    " hora_de_despertar",
}
ALIASES: dict[str, str] = {
    alias: key for (_, key), words in _ALIASES.items() for alias in [key, *words.split()]
}
"""Another name → the key, for things of which a user has one at a time."""

_HOME = {key: category for category, key in _ALIASES}

_FAMILIES = {
    ("preferences", "likes"): "like liked loves love enjoys interest interests intereses gustos"
    " gusta le_gusta me_gusta encanta le_encanta preference preferences preferencia preferencias",
    ("preferences", "dislikes"): "dislike disliked hates hate disgustos no_le_gusta no_me_gusta"
    " odia detesta",
    ("hobbies", "hobby"): "hobbies activity activities pastime plays aficion aficiones"
    " pasatiempo pasatiempos juega toca",
    ("goals", "goal"): "goals dream dreams ambition ambitions aspiration aspirations objective"
    " wants_to meta metas objetivo objetivos sueno suenos proposito propositos",
    ("health", "allergy"): "allergies allergic allergic_to alergia alergias alergico alergica",
}
FAMILIES = {family: category for category, family in _FAMILIES}
"""What a user has many of: each is a fact of its own, ``<family>_<slug of the value>``."""

_FAMILY_OF = {
    word: family for (_, family), words in _FAMILIES.items() for word in (family, *words.split())
}
_FAMILY_WORDS = sorted(_FAMILY_OF, key=len, reverse=True)
_ARTICLE = re.compile(r"^(?:the|an?|el|la|los|las|una?|to)_(?=\w)")

_PEOPLE = {
    ("pets", "pet"): "dog cat puppy kitten rabbit parrot hamster horse turtle fish perro perra"
    " gato gata mascota conejo loro caballo tortuga",
    ("family", "brother"): "hermano",
    ("family", "sister"): "hermana",
    ("family", "mother"): "mom mum madre mama",
    ("family", "father"): "dad padre papa",
    ("family", "son"): "hijo",
    ("family", "daughter"): "hija",
    ("family", "grandmother"): "grandma abuela",
    ("family", "grandfather"): "grandpa abuelo",
    ("family", "aunt"): "tia",
    ("family", "uncle"): "tio",
    ("family", "cousin"): "primo prima",
    ("family", "nephew"): "sobrino",
    ("family", "niece"): "sobrina",
    ("family", "grandson"): "nieto",
    ("family", "granddaughter"): "nieta",
    ("relationships", "partner"): "wife husband spouse girlfriend boyfriend fiance fiancee pareja"
    " esposa esposo marido mujer novia novio",
    ("relationships", "friend"): "best_friend amigo amiga mejor_amigo mejor_amiga",
    ("relationships", "boss"): "manager jefe jefa",
    ("relationships", "coworker"): "colleague co_worker companero companera",
    ("relationships", "roommate"): "flatmate companero_de_piso companera_de_piso",
    ("relationships", "teacher"): "professor profesor profesora maestro maestra",
    ("relationships", "neighbor"): "neighbour vecino vecina",
}
_ROLE_OF = {
    word: (category, role)
    for (category, role), words in _PEOPLE.items()
    for word in (role, *words.split())
}
ONE_EACH = frozenset({"mother_name", "father_name", "partner_name", "boss_name"})
"""Names of whom a user has one at a time; of all others there may be several."""

_LEAD = re.compile(r"^(?:the_)?(?:users?_|my_|mi_|su_|tu_|usuario_|current_|present_)+(?=\w)")
_TRAIL = re.compile(r"(?<=\w)_(?:of_(?:the_)?user|del?_usuario|usuario|actual|now|current)$")
_FAVORITE = re.compile(r"^(?:favou?rites?|faves?|favs?|preferred|best_liked)_(?P<topic>\w+)$")
_FAVORITE_ES = re.compile(r"^(?P<topic>\w+?)_(?:favorit[oa]s?|preferid[oa]s?|favou?rites?)$")
_NAME_OF = re.compile(
    r"^(?:names?_(?:of_)?(?:the_|his_|her_)?|nombres?_(?:del?_)?(?:la_|el_|su_|mi_)?)(?P<role>\w+?)"
    r"(?P<number>_\d+)?$"
)
_ROLE_NAME = re.compile(r"^(?P<role>\w+?)(?:s?_names?|_nombre)(?P<number>_\d+)?$")
_SPECIES = re.compile(r"^pet_(?:type|species|kind)(?P<number>_\d+)?$")


def normal_key(value: Any) -> str | None:
    """A key in snake_case of at most 100 characters, or None if nothing is left of it.

    Accents go, so that "canción" and "cancion" are one; ñ is a letter of its own and stays.
    """
    if not isinstance(value, str):
        return None
    # no key is longer; what a hostile answer adds is not looked at
    plain = "".join(c if c == "ñ" else fold(c) for c in value[: MAX_KEY * 10].strip().lower())
    return re.sub(r"[^\w.]+", "_", plain).strip("_.")[:MAX_KEY] or None


def slug(value: str) -> str:
    """``value`` as the end of a key: folded, at most 40 characters of whole words."""
    short = re.sub(r"\W+", "_", fold(value)).strip("_")
    return short if len(short) <= _SLUG else short[:_SLUG].rsplit("_", 1)[0]


@lru_cache(maxsize=4096)
def canonical(category: str, key: str) -> tuple[str, str]:
    """The category and key under which a thing is kept; see the module for the rules.

    Args:
        category: As it was given; an unknown one becomes ``other``.
        key: As :func:`normal_key` gives it. A family's member keeps its
            own name: ``hobbies`` is ``hobby``, ``enjoys_tea`` is ``likes_tea``.
    """
    category = category if category in CATEGORIES else "other"
    given = _TRAIL.sub("", _LEAD.sub("", key)) or key
    short = given.replace("ñ", "n")
    if (known := ALIASES.get(short)) is not None:
        return _HOME[known], known
    if favorite := _FAVORITE.match(short) or _FAVORITE_ES.match(short):
        topic = favorite["topic"]
        return "preferences", f"favorite_{TOPIC_OF.get(topic.replace('_', ' '), topic)}"
    if species := _SPECIES.match(short):
        return "pets", f"pet_type{species['number'] or ''}"
    for pattern in (_NAME_OF, _ROLE_NAME):
        named = pattern.match(short)
        if named and named["role"] in _ROLE_OF:
            home, role = _ROLE_OF[named["role"]]
            return home, f"{role}_name{named['number'] or ''}"
    family, rest = _in_family(short)
    if family is not None:
        return FAMILIES[family], f"{family}_{rest}" if rest else family
    return category, given


def member(key: str, value: Any) -> tuple[str, Any]:
    """The key and value of one member of a family; anything else comes back as it is.

    ``hobby`` and ``hobby_1`` with "the chess" are both ``hobby_chess``; ``likes_pizza`` with true
    is "pizza" under that key.
    """
    family, rest = _in_family(key)
    if family is None:
        return key, value
    if value is True and rest:
        return key, rest.replace("_", " ")
    if isinstance(value, str) and (short := _bare(slug(value))):
        return f"{family}_{short}", value
    return key, value


def covers(asked: str, key: str) -> bool:
    """Whether ``asked`` names the fact ``key``: itself, or the whole of its family."""
    return asked == key or (asked in FAMILIES and key.startswith(f"{asked}_"))


def is_family(key: str) -> bool:
    """Whether a user may have many facts of this kind, each under a key of its own."""
    return _in_family(key)[0] is not None


@lru_cache(maxsize=4096)
def _in_family(key: str) -> tuple[str | None, str]:
    """The family of ``key`` and the rest of the key."""
    if key in _FAMILY_OF:
        return _FAMILY_OF[key], ""
    for word in _FAMILY_WORDS:
        if key.startswith(f"{word}_"):
            return _FAMILY_OF[word], _bare(key[len(word) + 1 :])
    return None, ""


def _bare(short: str) -> str:
    return _ARTICLE.sub("", short) or short
