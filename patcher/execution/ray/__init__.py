"""Workers on several hosts: an executor on a Ray cluster (the extra ``ray``).

`executor` is the driver's side, `host` runs one job on a host, `parcels` are the files that travel,
known by their hashes.
"""
