-- What reads filter and sort by.

CREATE INDEX `{{TABLE_PREFIX}}idx_sessions_user` ON `{{TABLE_PREFIX}}sessions` (`user_id`, `last_activity`);
CREATE INDEX `{{TABLE_PREFIX}}idx_messages_user` ON `{{TABLE_PREFIX}}messages` (`user_id`, `seq`);
CREATE INDEX `{{TABLE_PREFIX}}idx_messages_session` ON `{{TABLE_PREFIX}}messages` (`session_id`, `seq`);
CREATE INDEX `{{TABLE_PREFIX}}idx_messages_embedding` ON `{{TABLE_PREFIX}}messages` (`embedding_state`, `seq`);
CREATE INDEX `{{TABLE_PREFIX}}idx_affinity_events_user` ON `{{TABLE_PREFIX}}affinity_events` (`user_id`, `personality_name`, `created_at`);
CREATE INDEX `{{TABLE_PREFIX}}idx_facts_user` ON `{{TABLE_PREFIX}}user_facts` (`user_id`, `is_active`, `last_updated`);
CREATE INDEX `{{TABLE_PREFIX}}idx_fact_history_user` ON `{{TABLE_PREFIX}}fact_history` (`user_id`, `fact_id`, `valid_from`);
CREATE INDEX `{{TABLE_PREFIX}}idx_episodes_user` ON `{{TABLE_PREFIX}}episodes` (`user_id`, `timestamp`);
CREATE INDEX `{{TABLE_PREFIX}}idx_episodes_importance` ON `{{TABLE_PREFIX}}episodes` (`user_id`, `importance`);
CREATE INDEX `{{TABLE_PREFIX}}idx_moods_user` ON `{{TABLE_PREFIX}}session_moods` (`user_id`, `updated_at`);
CREATE INDEX `{{TABLE_PREFIX}}idx_classifications_category` ON `{{TABLE_PREFIX}}memory_classifications` (`user_id`, `category`);
CREATE INDEX `{{TABLE_PREFIX}}idx_classifications_importance` ON `{{TABLE_PREFIX}}memory_classifications` (`user_id`, `importance`);
CREATE INDEX `{{TABLE_PREFIX}}idx_jobs_due` ON `{{TABLE_PREFIX}}jobs` (`status`, `run_at`);
CREATE INDEX `{{TABLE_PREFIX}}idx_jobs_user` ON `{{TABLE_PREFIX}}jobs` (`user_id`, `status`);
