"""The database: one interface, SQLite through apsw and PostgreSQL through asyncpg."""
