"""Accounts wing: sign-up, sessions, erasure."""

from streaming.api.accounts import sessions, users

ROUTERS = (
    users.plain,
    users.router,
    sessions.router,
)

__all__ = ["ROUTERS"]
