"""What each kind of edit says the tree must be: a module a kind, each with ``OPINIONS``."""
