"""Actions and group commands: preflight, sending, following."""
