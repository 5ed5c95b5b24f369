-- The extension stays: it belongs to the whole database, and others may use it.
{% if VECTOR_TYPE != "none" %}
DROP TABLE {{TABLE_PREFIX}}message_embeddings;
{% endif %}
