"""Patches for Llama models of transformers, and the workload they are judged by (`bench`)."""
