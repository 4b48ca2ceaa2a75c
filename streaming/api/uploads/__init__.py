"""Uploads wing: resumable uploads (tus 1.0.0)."""

from streaming.api.uploads import uploads

ROUTERS = (uploads.router,)

__all__ = ["ROUTERS"]
