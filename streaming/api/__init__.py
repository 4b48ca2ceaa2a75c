"""HTTP API: one wing per subject, mounted by `app`."""
