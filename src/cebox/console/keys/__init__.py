"""Installation keys."""
