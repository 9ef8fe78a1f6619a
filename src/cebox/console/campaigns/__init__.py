"""Campaigns: drafted, started, driven wave by wave by a job, steered by people, reported."""
