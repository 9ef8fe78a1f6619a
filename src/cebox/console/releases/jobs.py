"""The job of the releases: look at the repository by the clock."""

from cebox.console.releases.importing import poll_repository

__all__ = ["poll_repository"]
