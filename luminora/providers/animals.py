"""Animals people live with, in English and Spanish: which words mean the same kind."""

from __future__ import annotations

from luminora.providers.lexical import fold

_WORDS = {
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
ANIMALS = {word.replace("_", " "): kind for kind, words in _WORDS.items() for word in words.split()}
"""Folded word → the kind of animal."""


def kind_of_animal(text: object) -> str:
    """The kind that ``text`` names, whatever its language and sex; unknown ones are themselves."""
    folded = " ".join(fold(str(text)).replace("_", " ").split())
    if folded in ANIMALS:
        return ANIMALS[folded]
    return next((ANIMALS[word] for word in folded.split() if word in ANIMALS), folded)
