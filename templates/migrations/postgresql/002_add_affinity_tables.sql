-- The relationship between a user and a personality.

-- How close a user and a personality are.
CREATE TABLE {{TABLE_PREFIX}}user_affinity (
    id                    VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id               VARCHAR(255) COLLATE "C" NOT NULL,
    personality_name      VARCHAR(255) COLLATE "C" NOT NULL,
    affinity_points       BIGINT NOT NULL,
    current_level         VARCHAR(255) COLLATE "C" NOT NULL,
    total_messages        BIGINT NOT NULL,
    positive_interactions BIGINT NOT NULL,
    negative_interactions BIGINT NOT NULL,
    last_interaction      TIMESTAMPTZ,
    revision              BIGINT NOT NULL,
    created_at            TIMESTAMPTZ NOT NULL,
    updated_at            TIMESTAMPTZ NOT NULL,
    CONSTRAINT {{TABLE_PREFIX}}unique_user_personality UNIQUE (user_id, personality_name)
);

-- Why the affinity changed, point by point.
CREATE TABLE {{TABLE_PREFIX}}affinity_events (
    id               VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id          VARCHAR(255) COLLATE "C" NOT NULL,
    personality_name VARCHAR(255) COLLATE "C" NOT NULL,
    session_id       VARCHAR(255) COLLATE "C" NOT NULL,
    message_id       VARCHAR(255) COLLATE "C",
    event            VARCHAR(255) COLLATE "C" NOT NULL,
    points           BIGINT NOT NULL,
    points_after     BIGINT NOT NULL,
    level_after      VARCHAR(255) COLLATE "C" NOT NULL,
    reason           TEXT COLLATE "C",
    created_at       TIMESTAMPTZ NOT NULL
);
