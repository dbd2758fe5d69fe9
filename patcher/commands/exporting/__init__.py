"""The ways a patched tree is handed on: `messages` of git patches, `wheel`, `sbom`, `in_place`."""
