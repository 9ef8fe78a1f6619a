"""What a release is, how it travels, how it is trusted and how it lands in a slot."""
