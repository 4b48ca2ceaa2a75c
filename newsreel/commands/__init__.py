"""The sub-commands, by what they are about. Heavy libraries are imported when a command runs, never before."""
