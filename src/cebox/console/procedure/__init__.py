"""The guided procedure of an account: what is tested and on which boxes is stored, the rest is derived."""
