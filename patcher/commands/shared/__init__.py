"""What several commands do: find the working copy, plan on it, replay it, freeze it."""
