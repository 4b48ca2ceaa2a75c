"""Source files: probing, faults, chunk plans, and cutting a chunk out."""
