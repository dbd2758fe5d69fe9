"""Bytes on disk: sources, the working copy, transactions, backups, recovery."""
