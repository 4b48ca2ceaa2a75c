"""`/v1/videos/{video_id}`: read, change and delete a video."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import model_validator

from streaming.accounts.caller import LoggedIn, get_caller
from streaming.api.videos.catalog import CatalogDep, VideoId, get_catalog
from streaming.api.videos.erasure import erase_videos
from streaming.api.videos.representation import VideoAnswer
from streaming.serving.conditional import matches_etag
from streaming.serving.database import DatabaseDep, get_database
from streaming.serving.fields import Body, Description, Title, Visibility
from streaming.serving.openapi import ANYONE_OR_TOKEN
from streaming.serving.plain_route import PlainRoute, path_parameter

router = APIRouter(tags=["videos"])
plain = APIRouter(tags=["videos"], route_class=PlainRoute)


class VideoChange(Body):
    """Changes by the uploader; omitted fields stay, and an empty description becomes null."""

    title: Title | None = None
    description: Description | None = None
    visibility: Visibility | None = None

    @model_validator(mode="after")
    def _reject_null(self) -> VideoChange:
        for name in ("title", "visibility"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name}: must not be null; omit it to keep its value")
        return self


@plain.get(
    "/v1/videos/{video_id}",
    response_model=VideoAnswer,
    openapi_extra={"parameters": [path_parameter("video_id")], **ANYONE_OR_TOKEN},
    responses={304: {"description": "The client's copy is current (If-None-Match)."}},
)
async def show(request: Request) -> Response:
    """A video. Public videos need no access token."""
    caller, catalog = await get_caller(request), await get_catalog(request)
    stale = caller.user_id is None and (await get_database(request)).has_replica
    video = await catalog.authorize(caller, request.path_params["video_id"], "read", stale=stale)
    representation = video.represent(caller.user_id)
    headers = {"ETag": representation.etag}
    if matches_etag(request, representation.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(representation.body, headers=headers, media_type="application/json")


@router.patch("/v1/videos/{video_id}", response_model=VideoAnswer)
async def change(
    video_id: VideoId, body: VideoChange, caller: LoggedIn, catalog: CatalogDep, database: DatabaseDep
) -> Response:
    """Change the title, description or visibility of the caller's video."""
    await catalog.authorize(caller, video_id, "edit")
    values = body.model_dump(exclude_unset=True)
    if "description" in values:
        values["description"] = values["description"] or None
    if values:
        sets = ", ".join(f"{name} = %s" for name in values)
        # A take-down since the check stays.
        await database.write(
            f"UPDATE videos SET {sets} WHERE video_id = %s AND status <> 'removed'",
            (*values.values(), video_id),
        )
        catalog.invalidate(video_id)
    video = await catalog.read(video_id)
    return Response(video.represent(caller.user_id).body, media_type="application/json")


@router.delete("/v1/videos/{video_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete(video_id: VideoId, caller: LoggedIn, catalog: CatalogDep, database: DatabaseDep) -> None:
    """Delete the caller's video, with its comments, shares, reactions and views."""
    await catalog.authorize(caller, video_id, "delete")
    async with database.transaction() as connection:
        await erase_videos(connection, [video_id])
    catalog.invalidate(video_id)
