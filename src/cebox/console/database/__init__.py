"""The console's database: one engine, SQLite or PostgreSQL, and the rules for using it."""
