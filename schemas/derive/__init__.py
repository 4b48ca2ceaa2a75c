"""Forms of the declared tables for each engine; a form's module loads its engine when it is imported."""
