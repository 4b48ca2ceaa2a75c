"""COMMAND: the `newsreel` command and the embedded stack; the only room that may import all others."""
