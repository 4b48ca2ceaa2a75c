"""Forms of the declared tables, one module for each engine, which loads that engine when it is imported."""
