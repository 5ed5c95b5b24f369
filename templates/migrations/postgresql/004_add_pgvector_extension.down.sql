-- The extension stays: it belongs to the whole database, and others may use it.
{% if VECTOR_TYPE != "none" %}
DROP TABLE IF EXISTS {{TABLE_PREFIX}}message_embeddings;

-- The indexes that luminora reembed built beside it.
DO $$
DECLARE
    generation text;
BEGIN
    FOR generation IN
        SELECT relname FROM pg_class
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
            AND relname ~ '^{{TABLE_PREFIX}}message_embeddings_[0-9]+$'
    LOOP
        EXECUTE format('DROP TABLE %I', generation);
    END LOOP;
END
$$;
{% endif %}
