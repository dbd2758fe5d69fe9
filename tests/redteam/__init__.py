"""Hostile patches on the tests' small target, a file a kind, each with the verdict it must get.

`frame` applies one, looks at its diff, judges it and times it, as `patcher verify --bench` does.
"""
