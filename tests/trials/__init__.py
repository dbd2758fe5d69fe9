"""What the verdicts are worth, measured. Each module is a command that resumes."""
