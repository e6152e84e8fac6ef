"""Hands leads to partners: pull, decide, journal, write, confirm; reassign and undo."""
