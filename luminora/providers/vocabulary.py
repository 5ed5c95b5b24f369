"""Words of English and Spanish that name one thing: animals, and what people have favourites of.

The rules that read messages and the keys under which facts are kept share them, so that "perro"
and "dog" are one kind of pet and "peli favorita" and "favourite film" one favourite.
"""

from __future__ import annotations

from luminora.providers.lexical import fold

_ANIMALS = {
    "dog": "perro perra perrito perrita cachorro cachorra dog doggo puppy",
    "cat": "gato gata gatito gatita cat kitten kitty",
    "rabbit": "conejo coneja rabbit bunny",
    "hamster": "hamster",
    "guinea_pig": "cobaya guinea_pig",
    "parrot": "loro parrot",
    "budgie": "periquito budgie",
    "canary": "canario canary",
    "fish": "pez fish goldfish",
    "turtle": "tortuga turtle tortoise",
    "horse": "caballo yegua horse pony",
    "ferret": "huron ferret",
    "iguana": "iguana",
    "snake": "serpiente snake",
    "lizard": "lagarto lizard gecko",
}
ANIMALS = {
    word.replace("_", " "): kind for kind, words in _ANIMALS.items() for word in words.split()
}
"""Folded word → the kind of animal."""

_TOPICS = {
    "color": "color colores colour colours colors",
    "food": "comida comidas food foods meal",
    "dish": "plato platos dish",
    "drink": "bebida drink beverage",
    "dessert": "postre dessert",
    "fruit": "fruta fruit",
    "movie": "pelicula peliculas peli film movie movies films",
    "book": "libro libros book books",
    "song": "cancion canciones song songs track",
    "series": "serie series show shows tv_show tv_series",
    "anime": "anime animes",
    "manga": "manga mangas",
    "game": "juego juegos videojuego videojuegos game games video_game videogame",
    "band": "banda bandas grupo grupos band bands music_group group grupo_musical",
    "singer": "cantante cantantes singer singers",
    "team": "equipo equipos team teams football_team soccer_team equipo_de_futbol club sports_team",
    "sport": "deporte deportes sport sports",
    "animal": "animal animales animals",
    "number": "numero number",
    "season": "estacion season",
    "city": "ciudad city",
    "country": "pais country",
    "music": "musica music music_genre",
    "genre": "genero genre",
    "subject": "asignatura materia subject",
    "day": "dia day",
    "flower": "flor flower",
    "actor": "actor actors",
    "actress": "actriz actress",
    "artist": "artista artist musician musico",
    "author": "autor autora escritor escritora author writer",
    "character": "personaje character",
    "ice_cream": "helado ice_cream",
    "place": "lugar sitio place",
}
TOPIC_OF = {
    word.replace("_", " "): topic for topic, words in _TOPICS.items() for word in words.split()
}
"""Folded noun → the ``<thing>`` of a ``favorite_<thing>`` key."""


def kind_of_animal(text: object) -> str:
    """The kind that ``text`` names, whatever language, sex and number; else ``text``, folded."""
    folded = " ".join(fold(str(text)).replace("_", " ").split())
    if folded in ANIMALS:
        return ANIMALS[folded]
    words = (word for each in folded.split() for word in (each, each.removesuffix("s")))
    return next((ANIMALS[word] for word in words if word in ANIMALS), folded)
