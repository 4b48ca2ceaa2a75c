"""Feed wing: posts; the news feed will be served from here."""

from streaming.api.feed import posts

ROUTERS = (posts.router,)

__all__ = ["ROUTERS"]
