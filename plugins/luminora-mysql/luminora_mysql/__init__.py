"""MySQL and MariaDB as Luminora's database, and MariaDB's vectors as its vector store."""
