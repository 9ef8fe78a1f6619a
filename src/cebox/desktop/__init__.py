"""What the person who is signed in at a box sees of the agent: a window, while a restart or shutdown is announced.

It runs as that person and has no right of its own: it reads what the agent has written, and may ask it to postpone.
"""
