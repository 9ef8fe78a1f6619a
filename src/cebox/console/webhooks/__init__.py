"""Addresses of an account's own programs, which are told what its people are told."""
