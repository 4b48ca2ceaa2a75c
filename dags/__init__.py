"""WHEN: one DAG a file, wiring only: what runs after what, how often, on which asset."""
