-- The relationship between a user and a personality.

-- How close a user and a personality are.
CREATE TABLE {{TABLE_PREFIX}}user_affinity (
    id                    TEXT NOT NULL PRIMARY KEY,
    user_id               TEXT NOT NULL,
    personality_name      TEXT NOT NULL,
    affinity_points       INTEGER NOT NULL,
    current_level         TEXT NOT NULL,
    total_messages        INTEGER NOT NULL,
    positive_interactions INTEGER NOT NULL,
    negative_interactions INTEGER NOT NULL,
    last_interaction      TEXT,
    revision              INTEGER NOT NULL,
    created_at            TEXT NOT NULL,
    updated_at            TEXT NOT NULL,
    CONSTRAINT {{TABLE_PREFIX}}unique_user_personality UNIQUE (user_id, personality_name)
) STRICT;

-- Why the affinity changed, point by point.
CREATE TABLE {{TABLE_PREFIX}}affinity_events (
    id               TEXT NOT NULL PRIMARY KEY,
    user_id          TEXT NOT NULL,
    personality_name TEXT NOT NULL,
    session_id       TEXT NOT NULL,
    message_id       TEXT,
    event            TEXT NOT NULL,
    points           INTEGER NOT NULL,
    points_after     INTEGER NOT NULL,
    level_after      TEXT NOT NULL,
    reason           TEXT,
    created_at       TEXT NOT NULL
) STRICT;
