"""The social graph over HTTP: friends, follows, blocks."""

from streaming.api.graph import blocks, follows, friends

ROUTERS = (
    friends.router,
    follows.router,
    blocks.router,
)

__all__ = ["ROUTERS"]
