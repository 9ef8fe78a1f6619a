"""Who is asking: users, sessions, API tokens, roles."""
