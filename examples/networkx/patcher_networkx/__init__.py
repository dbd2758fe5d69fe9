"""Patches for networkx, and the workload they are judged by (`bench`)."""
