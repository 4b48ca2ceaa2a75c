"""PEOPLE: the thin live layer that people and players talk to."""
