"""Social graph wing: friends, follows, blocks."""

from streaming.api.graph import blocks, follows, friends

ROUTERS = (
    friends.router,
    follows.router,
    blocks.router,
)

__all__ = ["ROUTERS"]
