"""STORAGE: the one door to all that outlives a process."""
