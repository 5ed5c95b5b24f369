-- The relationship between a user and a personality.

-- How close a user and a personality are.
CREATE TABLE `{{TABLE_PREFIX}}user_affinity` (
    `id`                    VARCHAR(255) NOT NULL PRIMARY KEY,
    `user_id`               VARCHAR(255) NOT NULL,
    `personality_name`      VARCHAR(255) NOT NULL,
    `affinity_points`       BIGINT NOT NULL,
    `current_level`         VARCHAR(255) NOT NULL,
    `total_messages`        BIGINT NOT NULL,
    `positive_interactions` BIGINT NOT NULL,
    `negative_interactions` BIGINT NOT NULL,
    `last_interaction`      DATETIME(6),
    `revision`              BIGINT NOT NULL,
    `created_at`            DATETIME(6) NOT NULL,
    `updated_at`            DATETIME(6) NOT NULL,
    UNIQUE KEY `{{TABLE_PREFIX}}unique_user_personality` (`user_id`, `personality_name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;

-- Why the affinity changed, point by point.
CREATE TABLE `{{TABLE_PREFIX}}affinity_events` (
    `id`               VARCHAR(255) NOT NULL PRIMARY KEY,
    `user_id`          VARCHAR(255) NOT NULL,
    `personality_name` VARCHAR(255) NOT NULL,
    `session_id`       VARCHAR(255) NOT NULL,
    `message_id`       VARCHAR(255),
    `event`            VARCHAR(255) NOT NULL,
    `points`           BIGINT NOT NULL,
    `points_after`     BIGINT NOT NULL,
    `level_after`      VARCHAR(255) NOT NULL,
    `reason`           LONGTEXT,
    `created_at`       DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    /*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */;
