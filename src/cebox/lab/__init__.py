"""Virtual machines, the demo and the proofs: the whole procedure on one machine."""
