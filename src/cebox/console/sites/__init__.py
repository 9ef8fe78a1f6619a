"""Sites of an account and their WRS."""
