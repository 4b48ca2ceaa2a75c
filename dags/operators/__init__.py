"""Operators whose engine dies with the task; docs/adr/0001 says why the providers' own are not enough."""
