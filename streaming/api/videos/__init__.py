"""Videos wing: metadata, reactions, views, comments, shares, media, pages, operators."""

from streaming.api.videos import comments, operators, reactions, shares, videos, views

ROUTERS = (
    videos.plain,
    comments.plain,
    videos.router,
    reactions.router,
    views.router,
    comments.router,
    shares.router,
    operators.router,
)

__all__ = ["ROUTERS"]
