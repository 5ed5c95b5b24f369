-- Facts, episodes, moods and classifications.

-- What is known about a user.
-- fact_hash stands for four columns that are together too long for a key.
CREATE TABLE `{{TABLE_PREFIX}}user_facts` (
    `id`                VARCHAR(255) NOT NULL PRIMARY KEY,
    `user_id`           VARCHAR(255) NOT NULL,
    `personality_name`  VARCHAR(255) NOT NULL,
    `session_id`        VARCHAR(255) NOT NULL,
    `category`          VARCHAR(255) NOT NULL,
    `key`               VARCHAR(255) NOT NULL,
    `value`             LONGTEXT NOT NULL,
    `confidence`        DOUBLE NOT NULL,
    `source_message_id` VARCHAR(255),
    `first_mentioned`   DATETIME(6) NOT NULL,
    `last_updated`      DATETIME(6) NOT NULL,
    `mention_count`     BIGINT NOT NULL,
    `tags`              LONGTEXT NOT NULL,
    `context`           LONGTEXT,
    `is_active`         BOOLEAN NOT NULL,
    `revision`          BIGINT NOT NULL,
    `created_at`        DATETIME(6) NOT NULL,
    `updated_at`        DATETIME(6) NOT NULL,
    `fact_hash`         BINARY(32) AS (UNHEX(SHA2(
        CONCAT_WS(CHAR(0), `user_id`, `personality_name`, `category`, `key`), 256))) STORED,
    UNIQUE KEY `{{TABLE_PREFIX}}unique_user_fact` (`fact_hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- What was known before, and from when to when.
CREATE TABLE `{{TABLE_PREFIX}}fact_history` (
    `id`                VARCHAR(255) NOT NULL PRIMARY KEY,
    `fact_id`           VARCHAR(255) NOT NULL,
    `user_id`           VARCHAR(255) NOT NULL,
    `category`          VARCHAR(255) NOT NULL,
    `key`               VARCHAR(255) NOT NULL,
    `value`             LONGTEXT NOT NULL,
    `confidence`        DOUBLE NOT NULL,
    `source_message_id` VARCHAR(255),
    `valid_from`        DATETIME(6) NOT NULL,
    `valid_to`          DATETIME(6) NOT NULL,
    `reason`            VARCHAR(255) NOT NULL,
    `created_at`        DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- What was worth remembering as a story.
CREATE TABLE `{{TABLE_PREFIX}}episodes` (
    `id`               VARCHAR(255) NOT NULL PRIMARY KEY,
    `user_id`          VARCHAR(255) NOT NULL,
    `session_id`       VARCHAR(255) NOT NULL,
    `personality_name` VARCHAR(255) NOT NULL,
    `type`             VARCHAR(255) NOT NULL,
    `title`            LONGTEXT NOT NULL,
    `summary`          LONGTEXT NOT NULL,
    `importance`       DOUBLE NOT NULL,
    `sentiment`        VARCHAR(255) NOT NULL,
    `tags`             LONGTEXT NOT NULL,
    `context_messages` LONGTEXT NOT NULL,
    `timestamp`        DATETIME(6) NOT NULL,
    `temporal_decay`   DOUBLE NOT NULL,
    `related_facts`    LONGTEXT NOT NULL,
    `related_episodes` LONGTEXT NOT NULL,
    `metadata`         LONGTEXT,
    `created_at`       DATETIME(6) NOT NULL,
    `updated_at`       DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- The personality's mood in a session.
CREATE TABLE `{{TABLE_PREFIX}}session_moods` (
    `session_id`      VARCHAR(255) NOT NULL PRIMARY KEY,
    `user_id`         VARCHAR(255) NOT NULL,
    `current_mood`    VARCHAR(255) NOT NULL,
    `mood_intensity`  DOUBLE NOT NULL,
    `mood_started_at` DATETIME(6) NOT NULL,
    `mood_history`    LONGTEXT NOT NULL,
    `updated_at`      DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- What kind of memory a message is.
CREATE TABLE `{{TABLE_PREFIX}}memory_classifications` (
    `message_id` VARCHAR(255) NOT NULL PRIMARY KEY,
    `user_id`    VARCHAR(255) NOT NULL,
    `category`   VARCHAR(255) NOT NULL,
    `importance` DOUBLE NOT NULL,
    `sentiment`  VARCHAR(255) NOT NULL,
    `privacy`    VARCHAR(255) NOT NULL,
    `permanence` VARCHAR(255) NOT NULL,
    `created_at` DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;
