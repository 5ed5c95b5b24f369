"""The embedded database: storage, vectors and migrations in SQLite files, through apsw."""
