"""Runs jobs on their schedules, unattended."""
