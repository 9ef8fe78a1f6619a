"""What the vendor signs with, and how a release gets into a repository."""
