"""Sub-commands, one module per subject. Heavy libraries are imported when a command runs, never at import time."""
