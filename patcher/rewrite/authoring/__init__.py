"""Specs made for their author: from a line of the target (`new`), from hand edits (`capture`)."""
