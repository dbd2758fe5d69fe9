"""Captures of real changes: what became of packages from version to version."""
