"""The commands of operators and vendors: one file per group of verbs."""
