"""The device API: enrolment, tokens, sync."""
