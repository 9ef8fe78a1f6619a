"""What a box believes: the policy of the signed chain, the chain read, and what stands on a disk held against it."""
