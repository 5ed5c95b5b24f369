-- Vectors beside the messages, for the pgvector vector store; nothing when vectors live elsewhere.
{% if VECTOR_TYPE == "none" %}
-- The configured vector store keeps its vectors elsewhere.
{% else %}
-- Embedding dimension: {{EMBEDDING_DIMENSION}}

CREATE EXTENSION IF NOT EXISTS vector;

-- One vector per message or episode (kind says which); message_id is the id of either.
CREATE TABLE {{TABLE_PREFIX}}message_embeddings (
    message_id       VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id          VARCHAR(255) COLLATE "C" NOT NULL,
    session_id       VARCHAR(255) COLLATE "C" NOT NULL,
    personality_name VARCHAR(255) COLLATE "C" NOT NULL,
    kind             VARCHAR(255) COLLATE "C" NOT NULL,
    embedding        {{VECTOR_TYPE}} NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX {{TABLE_PREFIX}}idx_message_embeddings_user ON {{TABLE_PREFIX}}message_embeddings (user_id);

{% if INDEX_METHOD == "none" %}
-- No index over the vectors: search compares them all and is exact. pgvector indexes at most 4000
-- dimensions.
{% else %}
CREATE INDEX {{TABLE_PREFIX}}idx_message_embeddings_vector
    ON {{TABLE_PREFIX}}message_embeddings
    USING {{INDEX_METHOD}} (embedding {{VECTOR_OPS}})
    WITH ({{INDEX_OPTIONS}});
{% endif %}
{% endif %}
