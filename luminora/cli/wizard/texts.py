"""What the wizard says, in English and Spanish."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from luminora.errors import InputError

LANGUAGES = ("en", "es")

TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("Luminora - Setup Wizard", "Luminora - Asistente de configuración"),
    "step_llm": ("LLM Provider Configuration", "Modelo de lenguaje"),
    "step_embeddings": ("Embedding Provider Configuration", "Embeddings"),
    "step_storage": ("Storage Provider Configuration", "Base de datos"),
    "step_vector-store": ("Vector Store Configuration", "Almacén de vectores"),
    "step_cache": ("Cache Configuration (Optional)", "Caché (opcional)"),
    "select_llm": ("Select your LLM provider:", "Elige tu modelo de lenguaje:"),
    "select_embeddings": ("Select your embedding provider:", "Elige el modelo de embeddings:"),
    "select_storage": ("Select your database:", "Elige tu base de datos:"),
    "select_vector-store": ("Select vector store:", "Elige el almacén de vectores:"),
    "select_cache": ("Select cache backend:", "Elige la caché:"),
    "selected": ("Selected: {}", "Elegido: {}"),
    "configured_llm": ("LLM Provider configured: {}", "Modelo de lenguaje configurado: {}"),
    "configured_embeddings": ("Embedding Provider configured: {}", "Embeddings configurados: {}"),
    "configured_storage": ("Database configured: {}", "Base de datos configurada: {}"),
    "configured_vector-store": ("Vector Store configured: {}", "Vectores configurados: {}"),
    "configured_cache": ("Cache configured: {}", "Caché configurada: {}"),
    "same_processing": (
        "Use same model for background processing?",
        "¿Usar el mismo modelo para el procesamiento en segundo plano?",
    ),
    "processing_model": ("Model for background processing:", "Modelo para segundo plano:"),
    "same_embeddings": ("Use {} for embeddings too?", "¿Usar {} también para los embeddings?"),
    "batch": ("Enable batch processing?", "¿Activar el procesamiento por lotes?"),
    "batch_size": ("Batch size (5-20 recommended):", "Tamaño del lote (5-20 recomendado):"),
    "batch_timeout": ("Batch timeout (seconds):", "Tiempo máximo por lote (segundos):"),
    "details": ("{} connection details:", "Datos de conexión de {}:"),
    "semantic": ("Enable semantic search?", "¿Activar la búsqueda semántica?"),
    "semantic_off": (
        "The store that goes with the database stays: {}. It needs no further set-up.",
        "Se queda el almacén que va con la base de datos: {}. No hace falta configurarlo.",
    ),
    "caching": ("Enable caching for performance?", "¿Activar la caché para ir más rápido?"),
    "caching_off": (
        "What is needed often stays in the memory of the process.",
        "Lo que se usa a menudo queda en la memoria del proceso.",
    ),
    "test": ("Test connection now?", "¿Probar la conexión ahora?"),
    "testing": ("Testing connection...", "Probando la conexión..."),
    "works": ("Connection successful!", "¡Conexión correcta!"),
    "works_but": ("It works, but: {}", "Funciona, pero: {}"),
    "no_tables": ("Tables not found yet", "Aún no están las tablas"),
    "fails": ("It does not work: {}", "No funciona: {}"),
    "untested": ("Not tested: {} is not set yet", "Sin probar: {} aún no está definida"),
    "what_now": ("What now?", "¿Y ahora?"),
    "again": ("Try again", "Intentarlo otra vez"),
    "edit": ("Change the answers", "Cambiar las respuestas"),
    "on": ("Go on all the same", "Seguir de todos modos"),
    "skip": ("Skip: leave this part as it was", "Omitir: dejar esta parte como estaba"),
    "skipped": ("Left as it was: {}", "Se queda como estaba: {}"),
    "tables": ("Create tables automatically?", "¿Crear las tablas automáticamente?"),
    "migrating": ("Running migrations...", "Ejecutando migraciones..."),
    "migrated": ("Database initialized!", "¡Base de datos preparada!"),
    "up_to_date": ("The tables are there already", "Las tablas ya estaban"),
    "extension": ("Install {} extension now?", "¿Instalar ahora la extensión {}?"),
    "installing": ("Installing {}...", "Instalando {}..."),
    "installed": ("{} installed!", "¡{} instalado!"),
    "absent": ("{} (not installed)", "{} (sin instalar)"),
    "install": (
        "{} is not installed. Run: {}",
        "{} no está instalado. Ejecutar: {}",
    ),
    "is_set": ("{} is set", "{} está definida"),
    "is_unset": (
        "{} is not set. Enter its value now, to keep it in {}?",
        "{} no está definida. ¿Escribir su valor ahora, para guardarlo en {}?",
    ),
    "value_of": ("Value of {} (hidden):", "Valor de {} (oculto):"),
    "exists": ("{} exists already.", "{} ya existe."),
    "reading": ("Reading configuration...", "Leyendo la configuración..."),
    "as_it_is": ("Test it and set up the database", "Probarla y preparar la base de datos"),
    "change": ("Change it step by step", "Cambiarla paso a paso"),
    "preview": ("This will be written to {}:", "Esto se escribirá en {}:"),
    "same": ("{} says all this already: nothing to write", "{} ya dice todo esto"),
    "write": ("Write this?", "¿Escribirlo?"),
    "not_written": ("Nothing was written.", "No se ha escrito nada."),
    "needed": ("an answer is needed", "hace falta una respuesta"),
    "ready": ("LuminoraCore Ready!", "¡LuminoraCore listo!"),
    "complete": ("Setup Complete!", "¡Configuración terminada!"),
    "saved": ("Configuration saved to: {}", "Configuración guardada en: {}"),
    "env_saved": ("{} saved to {} (readable by you alone)", "{} en {} (solo lo lees tú)"),
    "yours": ("Your Configuration:", "Tu configuración:"),
    "next": ("Next steps:", "Siguientes pasos:"),
    "set_variables": ("Set environment variables:", "Define las variables de entorno:"),
    "your_value": ("your-value", "tu-valor"),
    "test_setup": ("Test the setup:", "Prueba la configuración:"),
    "load_personality": ("Load a personality:", "Carga una personalidad:"),
    "talk": ("Talk:", "Habla:"),
    "start": ("Start coding! 🚀", "¡A programar! 🚀"),
}
"""Each text in both languages, in the order of :data:`LANGUAGES`."""

PROMPTS_ES: Mapping[str, str] = {
    "Variable with the API key": "Variable con la clave de API",
    "Variable with the API key, if it has one": "Variable con la clave de API, si la tiene",
    "Model": "Modelo",
    "Embedding model": "Modelo de embeddings",
    "Server": "Servidor",
    "Host": "Servidor",
    "Port": "Puerto",
    "Database": "Base de datos",
    "User": "Usuario",
    "Environment variable with the password": "Variable con la contraseña",
    "Database file": "Fichero de la base de datos",
    "Folder for the vectors": "Carpeta de los vectores",
    "Vector length": "Longitud de los vectores",
    "Index over the vectors": "Índice sobre los vectores",
    "Index name": "Nombre del índice",
    "Cloud": "Nube",
    "Region": "Región",
    "AWS region": "Región de AWS",
    "Variable with the access key id": "Variable con el identificador de la clave de acceso",
    "Variable with the secret access key": "Variable con la clave de acceso secreta",
    "Context length in tokens": "Longitud del contexto en tokens",
    "Tokens of context": "Tokens de contexto",
    "Base URL, such as http://localhost:8080/v1": "URL base, como http://localhost:8080/v1",
    "Address of the server": "Dirección del servidor",
    "Collection name": "Nombre de la colección",
}
"""The prompts that many manifests share; a manifest may word its own (``x-luminora-prompt-es``)."""


class Texts:
    """The texts in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._column = LANGUAGES.index(language)

    def __getitem__(self, name: str) -> str:
        return TEXTS[name][self._column]

    def say(self, name: str, *parts: object) -> str:
        """The text with ``parts`` in its places."""
        return self[name].format(*parts)

    def prompt(self, words: str, own: Any = None) -> str:
        """A manifest's question in this language, if it is known there.

        Args:
            words: The question in English.
            own: The manifest's own wording in this language, if it has one.
        """
        if isinstance(own, str):
            return own
        return PROMPTS_ES.get(words, words) if self.language == "es" else words


def language(asked: str | None, env: Mapping[str, str] = os.environ) -> str:
    """The language asked for, else the locale's, else English.

    Raises:
        InputError: There is no such language.
    """
    if asked is not None:
        if asked not in LANGUAGES:
            raise InputError(f"--lang: '{asked}' is not one of {', '.join(LANGUAGES)}")
        return asked
    locale = next((env[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if env.get(name)), "")
    found = locale.replace("-", "_").partition("_")[0].lower()
    return found if found in LANGUAGES else "en"
