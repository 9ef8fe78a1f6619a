"""The first page of an account: what it runs, what is behind and why, what goes on, what waits for a person."""
