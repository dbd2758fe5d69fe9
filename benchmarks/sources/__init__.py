"""Which patch of the catalogue fits which source of Chatterbox."""
