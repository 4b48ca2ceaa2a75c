"""STORAGE: all access to state that outlives a process."""
