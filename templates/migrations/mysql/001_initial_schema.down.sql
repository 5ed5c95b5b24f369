DROP TABLE `{{TABLE_PREFIX}}jobs`;
DROP TABLE `{{TABLE_PREFIX}}embedding_state`;
DROP TABLE `{{TABLE_PREFIX}}message_terms`;
DROP TABLE `{{TABLE_PREFIX}}messages`;
DROP TABLE `{{TABLE_PREFIX}}sessions`;
