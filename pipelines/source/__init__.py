"""Source files: what they hold, how they are cut into chunks."""
