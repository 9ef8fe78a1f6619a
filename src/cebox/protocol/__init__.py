"""The messages between the programs and the typed clients that send them."""
