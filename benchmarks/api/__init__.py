"""The live API, measured from outside: over HTTP on loopback, and in PostgreSQL afterwards."""
