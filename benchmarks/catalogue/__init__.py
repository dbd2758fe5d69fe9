"""What every shipped patch and set is worth: counts, time, and a long life. See __main__."""
