"""Communications to the accounts."""
