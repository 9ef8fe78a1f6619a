"""The box's side of transport: an image made in a slot from what comes and what is there."""
