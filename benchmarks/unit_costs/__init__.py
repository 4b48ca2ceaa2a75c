"""What one read, write, event, second of video and byte cost on this machine: what `newsreel capacity` reckons with."""
