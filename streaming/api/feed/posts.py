"""`/v1/posts`: what people write for those who read them."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from schemas.errors import NotFoundError
from schemas.ids import new_id
from schemas.permissions import Relation
from streaming.accounts import audit
from streaming.accounts.authorization import relations, require
from streaming.accounts.caller import LoggedIn, Member
from streaming.accounts.idempotency import Answer, OnceOnly
from streaming.serving.database import Connection, Database
from streaming.serving.fields import Body, Words

router = APIRouter(tags=["posts"])

PostId = Annotated[str, Path(max_length=64)]


class NewPost(Body):
    """What somebody writes."""

    content: Words


class Post(Body):
    """A post as everybody sees it who may."""

    post_id: str
    user_id: str
    content: str
    creation_time: datetime


@router.post("/v1/posts", status_code=HTTPStatus.CREATED, response_model=Post)
async def write(body: NewPost, caller: LoggedIn, once: OnceOnly) -> Response:
    """Write a post. The next load of a friend's or follower's feed has it."""

    async def work(connection: Connection) -> Answer:
        post = Post(
            post_id=new_id(), user_id=caller.user_id, content=body.content, creation_time=datetime.now(UTC)
        )
        await connection.execute(
            "INSERT INTO posts (post_id, user_id, content, creation_time) VALUES (%s, %s, %s, %s)",
            (post.post_id, post.user_id, post.content, post.creation_time),
        )
        return Answer(post, headers={"Location": f"/v1/posts/{post.post_id}"})

    return await once(work)


@router.get("/v1/posts/{post_id}")
async def show(post_id: PostId, request: Request, caller: LoggedIn) -> Post:
    """A post; there is none where its author has blocked the caller, or the caller them."""
    post, held = await _found(request.app.state.database, post_id, caller)
    require("post", "there", "read", held)
    return post


@router.delete("/v1/posts/{post_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete(post_id: PostId, request: Request, caller: LoggedIn) -> None:
    """Delete a post: its author may, and an operator, which is recorded."""
    database: Database = request.app.state.database
    post, held = await _found(database, post_id, caller)
    require("post", "there", "delete", held)
    async with database.transaction() as connection:
        cursor = await connection.execute("DELETE FROM posts WHERE post_id = %s", (post_id,))
        if cursor.rowcount and post.user_id != caller.user_id:
            await audit.note(connection, caller.user_id, "take_down", post_id)


async def _found(database: Database, post_id: str, caller: Member) -> tuple[Post, set[Relation]]:
    """A post, and what the caller is to it. Raises NotFoundError."""
    if "\0" not in post_id:
        row = await database.one(
            """SELECT post_id, user_id, content, creation_time, EXISTS (
                 SELECT FROM blocks b WHERE (b.user_id = p.user_id AND b.blocked_id = %(caller)s)
                 OR (b.user_id = %(caller)s AND b.blocked_id = p.user_id)) AS blocked
               FROM posts p WHERE post_id = %(post_id)s""",
            {"post_id": post_id, "caller": caller.user_id},
        )
        if row is not None:
            blocked = row.pop("blocked")
            return Post(**row), relations(caller, row["user_id"], blocked=blocked)
    raise NotFoundError("no such post")
