"""cebox: updates fleets of Linux workstations safely. See docs/architecture.md for the layers."""
