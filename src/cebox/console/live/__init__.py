"""Who waits for what: wake-ups between a change and the boxes and pages that want to know."""
