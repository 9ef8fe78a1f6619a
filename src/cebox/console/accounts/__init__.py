"""Accounts, their tags, and the migration from test to production."""
