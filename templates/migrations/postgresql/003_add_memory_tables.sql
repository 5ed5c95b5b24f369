-- Facts, episodes, moods and classifications.

-- What is known about a user.
CREATE TABLE {{TABLE_PREFIX}}user_facts (
    id                VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id           VARCHAR(255) COLLATE "C" NOT NULL,
    personality_name  VARCHAR(255) COLLATE "C" NOT NULL,
    session_id        VARCHAR(255) COLLATE "C" NOT NULL,
    category          VARCHAR(255) COLLATE "C" NOT NULL,
    key               VARCHAR(255) COLLATE "C" NOT NULL,
    value             JSONB NOT NULL,
    confidence        DOUBLE PRECISION NOT NULL,
    source_message_id VARCHAR(255) COLLATE "C",
    first_mentioned   TIMESTAMPTZ NOT NULL,
    last_updated      TIMESTAMPTZ NOT NULL,
    mention_count     BIGINT NOT NULL,
    tags              TEXT[] NOT NULL,
    context           TEXT COLLATE "C",
    is_active         BOOLEAN NOT NULL,
    revision          BIGINT NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    CONSTRAINT {{TABLE_PREFIX}}unique_user_fact UNIQUE (user_id, personality_name, category, key)
);

-- What was known before, and from when to when.
CREATE TABLE {{TABLE_PREFIX}}fact_history (
    id                VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    fact_id           VARCHAR(255) COLLATE "C" NOT NULL,
    user_id           VARCHAR(255) COLLATE "C" NOT NULL,
    category          VARCHAR(255) COLLATE "C" NOT NULL,
    key               VARCHAR(255) COLLATE "C" NOT NULL,
    value             JSONB NOT NULL,
    confidence        DOUBLE PRECISION NOT NULL,
    source_message_id VARCHAR(255) COLLATE "C",
    valid_from        TIMESTAMPTZ NOT NULL,
    valid_to          TIMESTAMPTZ NOT NULL,
    reason            VARCHAR(255) COLLATE "C" NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL
);

-- What was worth remembering as a story.
CREATE TABLE {{TABLE_PREFIX}}episodes (
    id               VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id          VARCHAR(255) COLLATE "C" NOT NULL,
    session_id       VARCHAR(255) COLLATE "C" NOT NULL,
    personality_name VARCHAR(255) COLLATE "C" NOT NULL,
    type             VARCHAR(255) COLLATE "C" NOT NULL,
    title            TEXT COLLATE "C" NOT NULL,
    summary          TEXT COLLATE "C" NOT NULL,
    importance       DOUBLE PRECISION NOT NULL,
    sentiment        VARCHAR(255) COLLATE "C" NOT NULL,
    tags             TEXT[] NOT NULL,
    context_messages TEXT[] NOT NULL,
    timestamp        TIMESTAMPTZ NOT NULL,
    temporal_decay   DOUBLE PRECISION NOT NULL,
    related_facts    TEXT[] NOT NULL,
    related_episodes TEXT[] NOT NULL,
    metadata         JSONB,
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL
);

-- The personality's mood in a session.
CREATE TABLE {{TABLE_PREFIX}}session_moods (
    session_id      VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id         VARCHAR(255) COLLATE "C" NOT NULL,
    current_mood    VARCHAR(255) COLLATE "C" NOT NULL,
    mood_intensity  DOUBLE PRECISION NOT NULL,
    mood_started_at TIMESTAMPTZ NOT NULL,
    mood_history    JSONB NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
);

-- What kind of memory a message is.
CREATE TABLE {{TABLE_PREFIX}}memory_classifications (
    message_id VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id    VARCHAR(255) COLLATE "C" NOT NULL,
    category   VARCHAR(255) COLLATE "C" NOT NULL,
    importance DOUBLE PRECISION NOT NULL,
    sentiment  VARCHAR(255) COLLATE "C" NOT NULL,
    privacy    VARCHAR(255) COLLATE "C" NOT NULL,
    permanence VARCHAR(255) COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
