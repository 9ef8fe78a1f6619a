"""The outbox: announcements on their way to people's mailboxes and to accounts' programs."""
