"""From a change to the tables: how soon, at what cost against a rebuild, and what is left after kills."""
