"""Guarded patches: the original definition stays beside the patched one, chosen at run time."""
