"""The sets verified on every entry point of Chatterbox, and what of each patch ran where."""
