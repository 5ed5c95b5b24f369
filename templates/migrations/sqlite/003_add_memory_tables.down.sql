DROP TABLE {{TABLE_PREFIX}}memory_classifications;
DROP TABLE {{TABLE_PREFIX}}session_moods;
DROP TABLE {{TABLE_PREFIX}}episodes;
DROP TABLE {{TABLE_PREFIX}}fact_history;
DROP TABLE {{TABLE_PREFIX}}user_facts;
