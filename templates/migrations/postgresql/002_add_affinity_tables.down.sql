DROP TABLE {{TABLE_PREFIX}}affinity_events;
DROP TABLE {{TABLE_PREFIX}}user_affinity;
