"""Pages: rendering, words in two languages, static files."""
