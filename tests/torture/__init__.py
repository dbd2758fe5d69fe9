"""Cut patcher short everywhere and see what is left: the proof of docs/durability.md."""
