"""Devices: their state, presence and history."""
