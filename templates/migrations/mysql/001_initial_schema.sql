-- Sessions, messages, and what keeps the index and the background work in order.
-- For MySQL 8.0.17 and MariaDB 10.6, or newer. Timestamps are UTC. Text compares by code point, and
-- trailing spaces count ('ana' and 'ana ' are two users): the two servers have different names for
-- that collation, and each reads its own of the comments behind a table. Documents are text: MySQL's
-- own JSON reorders keys, and MariaDB's ends at 31 levels.

-- A conversation of one user with one personality.
CREATE TABLE `{{TABLE_PREFIX}}sessions` (
    `session_id`           VARCHAR(255) NOT NULL PRIMARY KEY,
    `user_id`              VARCHAR(255) NOT NULL,
    `personality_name`     VARCHAR(255) NOT NULL,
    `personality_document` LONGTEXT,
    `metadata`             LONGTEXT,
    `created_at`           DATETIME(6) NOT NULL,
    `last_activity`        DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- What was said, in the order of seq.
-- num is the message's number in message_terms.
CREATE TABLE `{{TABLE_PREFIX}}messages` (
    `id`               VARCHAR(255) NOT NULL PRIMARY KEY,
    `session_id`       VARCHAR(255) NOT NULL,
    `user_id`          VARCHAR(255) NOT NULL,
    `personality_name` VARCHAR(255) NOT NULL,
    `speaker`          VARCHAR(255) NOT NULL,
    `speaker_name`     VARCHAR(255),
    `content`          LONGTEXT NOT NULL,
    `timestamp`        DATETIME(6) NOT NULL,
    `seq`              BIGINT NOT NULL,
    `external_id`      VARCHAR(255),
    `reply_to`         VARCHAR(255),
    `embedding_state`  VARCHAR(255) NOT NULL,
    `metadata`         LONGTEXT,
    `num`              BIGINT NOT NULL AUTO_INCREMENT,
    KEY `{{TABLE_PREFIX}}idx_messages_num` (`num`),
    UNIQUE KEY `{{TABLE_PREFIX}}unique_message_external` (`session_id`, `external_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- Which of a user's messages hold which word: what full-text search looks in.
-- A term stands for a word's stem and its user.
CREATE TABLE `{{TABLE_PREFIX}}message_terms` (
    `term` BIGINT NOT NULL,
    `num`  BIGINT NOT NULL,
    PRIMARY KEY (`term`, `num`),
    KEY `{{TABLE_PREFIX}}idx_terms_num` (`num`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- Which model the vectors come from, and their dimension: the lock on the index.
CREATE TABLE `{{TABLE_PREFIX}}embedding_state` (
    `index_name` VARCHAR(255) NOT NULL PRIMARY KEY,
    `provider`   VARCHAR(255) NOT NULL,
    `model`      VARCHAR(255) NOT NULL,
    `dimension`  BIGINT NOT NULL,
    `metric`     VARCHAR(255) NOT NULL,
    `status`     VARCHAR(255) NOT NULL,
    `progress`   LONGTEXT,
    `created_at` DATETIME(6) NOT NULL,
    `updated_at` DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- Work for later, leased by one worker at a time.
CREATE TABLE `{{TABLE_PREFIX}}jobs` (
    `id`           VARCHAR(255) NOT NULL PRIMARY KEY,
    `user_id`      VARCHAR(255) NOT NULL,
    `kind`         VARCHAR(255) NOT NULL,
    `payload`      LONGTEXT NOT NULL,
    `status`       VARCHAR(255) NOT NULL,
    `attempts`     BIGINT NOT NULL,
    `run_at`       DATETIME(6) NOT NULL,
    `leased_until` DATETIME(6),
    `lease_token`  VARCHAR(255),
    `last_error`   LONGTEXT,
    `created_at`   DATETIME(6) NOT NULL,
    `updated_at`   DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;
