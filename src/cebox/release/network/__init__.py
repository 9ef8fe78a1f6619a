"""How bytes of a repository come here: over bad lines, at a pace, within hours."""
