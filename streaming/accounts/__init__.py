"""Authentication and authorization: sessions, tokens, passwords, permissions, audit, idempotency, locks."""
