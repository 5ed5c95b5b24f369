-- Sessions, messages, and what keeps the index and the background work in order.
-- Text compares by code point (COLLATE "C"), as it does on every other database of Luminora's.

-- A conversation of one user with one personality.
CREATE TABLE {{TABLE_PREFIX}}sessions (
    session_id           VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id              VARCHAR(255) COLLATE "C" NOT NULL,
    personality_name     VARCHAR(255) COLLATE "C" NOT NULL,
    personality_document JSONB,
    metadata             JSONB,
    created_at           TIMESTAMPTZ NOT NULL,
    last_activity        TIMESTAMPTZ NOT NULL
);

-- What was said, in the order of seq.
-- terms are the prepared words that full-text search looks in; the storage writes them.
CREATE TABLE {{TABLE_PREFIX}}messages (
    id               VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    session_id       VARCHAR(255) COLLATE "C" NOT NULL,
    user_id          VARCHAR(255) COLLATE "C" NOT NULL,
    personality_name VARCHAR(255) COLLATE "C" NOT NULL,
    speaker          VARCHAR(255) COLLATE "C" NOT NULL,
    speaker_name     VARCHAR(255) COLLATE "C",
    content          TEXT COLLATE "C" NOT NULL,
    timestamp        TIMESTAMPTZ NOT NULL,
    seq              BIGINT NOT NULL,
    external_id      VARCHAR(255) COLLATE "C",
    reply_to         VARCHAR(255) COLLATE "C",
    embedding_state  VARCHAR(255) COLLATE "C" NOT NULL,
    metadata         JSONB,
    terms            TSVECTOR NOT NULL DEFAULT '',
    CONSTRAINT {{TABLE_PREFIX}}unique_message_external UNIQUE (session_id, external_id)
);

-- Which model the vectors come from, and their dimension: the lock on the index.
CREATE TABLE {{TABLE_PREFIX}}embedding_state (
    index_name VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    provider   VARCHAR(255) COLLATE "C" NOT NULL,
    model      VARCHAR(255) COLLATE "C" NOT NULL,
    dimension  BIGINT NOT NULL,
    metric     VARCHAR(255) COLLATE "C" NOT NULL,
    status     VARCHAR(255) COLLATE "C" NOT NULL,
    progress   JSONB,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- Work for later, leased by one worker at a time.
CREATE TABLE {{TABLE_PREFIX}}jobs (
    id           VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id      VARCHAR(255) COLLATE "C" NOT NULL,
    kind         VARCHAR(255) COLLATE "C" NOT NULL,
    payload      JSONB NOT NULL,
    status       VARCHAR(255) COLLATE "C" NOT NULL,
    attempts     BIGINT NOT NULL,
    run_at       TIMESTAMPTZ NOT NULL,
    leased_until TIMESTAMPTZ,
    lease_token  VARCHAR(255) COLLATE "C",
    last_error   TEXT COLLATE "C",
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
);
