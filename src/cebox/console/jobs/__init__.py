"""Work that runs by the clock, on one replica at a time."""
