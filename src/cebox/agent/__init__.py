"""What runs on a box: its state machine, its journal and the adapters to its machine."""
