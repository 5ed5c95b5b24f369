-- Facts, episodes, moods and classifications.

-- What is known about a user.
CREATE TABLE {{TABLE_PREFIX}}user_facts (
    id                TEXT NOT NULL PRIMARY KEY,
    user_id           TEXT NOT NULL,
    personality_name  TEXT NOT NULL,
    session_id        TEXT NOT NULL,
    category          TEXT NOT NULL,
    key               TEXT NOT NULL,
    value             TEXT NOT NULL,
    confidence        REAL NOT NULL,
    source_message_id TEXT,
    first_mentioned   TEXT NOT NULL,
    last_updated      TEXT NOT NULL,
    mention_count     INTEGER NOT NULL,
    tags              TEXT NOT NULL,
    context           TEXT,
    is_active         INTEGER NOT NULL,
    revision          INTEGER NOT NULL,
    created_at        TEXT NOT NULL,
    updated_at        TEXT NOT NULL,
    CONSTRAINT {{TABLE_PREFIX}}unique_user_fact UNIQUE (user_id, personality_name, category, key)
) STRICT;

-- What was known before, and from when to when.
CREATE TABLE {{TABLE_PREFIX}}fact_history (
    id                TEXT NOT NULL PRIMARY KEY,
    fact_id           TEXT NOT NULL,
    user_id           TEXT NOT NULL,
    category          TEXT NOT NULL,
    key               TEXT NOT NULL,
    value             TEXT NOT NULL,
    confidence        REAL NOT NULL,
    source_message_id TEXT,
    valid_from        TEXT NOT NULL,
    valid_to          TEXT NOT NULL,
    reason            TEXT NOT NULL,
    created_at        TEXT NOT NULL
) STRICT;

-- What was worth remembering as a story.
CREATE TABLE {{TABLE_PREFIX}}episodes (
    id               TEXT NOT NULL PRIMARY KEY,
    user_id          TEXT NOT NULL,
    session_id       TEXT NOT NULL,
    personality_name TEXT NOT NULL,
    type             TEXT NOT NULL,
    title            TEXT NOT NULL,
    summary          TEXT NOT NULL,
    importance       REAL NOT NULL,
    sentiment        TEXT NOT NULL,
    tags             TEXT NOT NULL,
    context_messages TEXT NOT NULL,
    timestamp        TEXT NOT NULL,
    temporal_decay   REAL NOT NULL,
    related_facts    TEXT NOT NULL,
    related_episodes TEXT NOT NULL,
    metadata         TEXT,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
) STRICT;

-- The personality's mood in a session.
CREATE TABLE {{TABLE_PREFIX}}session_moods (
    session_id      TEXT NOT NULL PRIMARY KEY,
    user_id         TEXT NOT NULL,
    current_mood    TEXT NOT NULL,
    mood_intensity  REAL NOT NULL,
    mood_started_at TEXT NOT NULL,
    mood_history    TEXT NOT NULL,
    updated_at      TEXT NOT NULL
) STRICT;

-- What kind of memory a message is.
CREATE TABLE {{TABLE_PREFIX}}memory_classifications (
    message_id TEXT NOT NULL PRIMARY KEY,
    user_id    TEXT NOT NULL,
    category   TEXT NOT NULL,
    importance REAL NOT NULL,
    sentiment  TEXT NOT NULL,
    privacy    TEXT NOT NULL,
    permanence TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
