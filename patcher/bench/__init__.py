"""The speed verdict: pairs of processes, what they mean, and how sure that is.

`statistics` and `speed` are pure; `run` decides which process starts when; `stopwatch` times one;
`ledger` keeps pairs; `report` says what came of it; `timing` puts them together.
"""
