"""The tests' own target: standard library only, real processes that start at once.

``tree/`` is the distribution ``hum``; ``adapter`` is all patcher has to know about it.
"""
