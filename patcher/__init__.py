"""patcher: try source-level optimisations on a Python package; keep what is proven to help."""

__version__ = "0.1.0"
