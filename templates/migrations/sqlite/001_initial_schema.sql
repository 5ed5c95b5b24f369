-- Sessions, messages, and what keeps the index and the background work in order.
-- Text, timestamps (2026-11-20T13:35:25.123456Z: text order is time order), JSON and lists are
-- TEXT; truth values are 0 and 1. STRICT tables take no other type than the one declared.

-- A conversation of one user with one personality.
CREATE TABLE {{TABLE_PREFIX}}sessions (
    session_id           TEXT NOT NULL PRIMARY KEY,
    user_id              TEXT NOT NULL,
    personality_name     TEXT NOT NULL,
    personality_document TEXT,
    metadata             TEXT,
    created_at           TEXT NOT NULL,
    last_activity        TEXT NOT NULL
) STRICT;

-- What was said, in the order of seq.
-- num is the row's number in the full-text table.
CREATE TABLE {{TABLE_PREFIX}}messages (
    num              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    session_id       TEXT NOT NULL,
    user_id          TEXT NOT NULL,
    personality_name TEXT NOT NULL,
    speaker          TEXT NOT NULL,
    speaker_name     TEXT,
    content          TEXT NOT NULL,
    timestamp        TEXT NOT NULL,
    seq              INTEGER NOT NULL,
    external_id      TEXT,
    reply_to         TEXT,
    embedding_state  TEXT NOT NULL,
    metadata         TEXT,
    CONSTRAINT {{TABLE_PREFIX}}unique_message_external UNIQUE (session_id, external_id)
) STRICT;

-- The prepared words of messages: lower case, without accents, stemmed. Holds no text of its own;
-- the storage adds and deletes its rows, whose rowid is messages.num.
CREATE VIRTUAL TABLE {{TABLE_PREFIX}}messages_fts USING fts5(
    scope,
    terms,
    content='',
    contentless_delete=1,
    tokenize="unicode61 remove_diacritics 0"
);

-- Which model the vectors come from, and their dimension: the lock on the index.
CREATE TABLE {{TABLE_PREFIX}}embedding_state (
    index_name TEXT NOT NULL PRIMARY KEY,
    provider   TEXT NOT NULL,
    model      TEXT NOT NULL,
    dimension  INTEGER NOT NULL,
    metric     TEXT NOT NULL,
    status     TEXT NOT NULL,
    progress   TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- Work for later, leased by one worker at a time.
CREATE TABLE {{TABLE_PREFIX}}jobs (
    id           TEXT NOT NULL PRIMARY KEY,
    user_id      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    payload      TEXT NOT NULL,
    status       TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    run_at       TEXT NOT NULL,
    leased_until TEXT,
    lease_token  TEXT,
    last_error   TEXT,
    created_at   TEXT NOT NULL,
    updated_at   TEXT NOT NULL
) STRICT;
