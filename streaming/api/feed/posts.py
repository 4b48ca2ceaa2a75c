"""`/v1/posts`: posts, shown in the feeds of friends and followers."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from schemas.errors import NotFoundError
from schemas.ids import new_id
from schemas.permissions import Relation
from streaming.accounts.audit import record_act
from streaming.accounts.authorization import find_relations, require
from streaming.accounts.caller import LoggedIn, Member
from streaming.accounts.idempotency import Answer, IdempotencyDep
from streaming.serving.database import Connection, Database, DatabaseDep
from streaming.serving.fields import Body, LongText

router = APIRouter(tags=["posts"])

PostId = Annotated[str, Path(max_length=64)]


class NewPost(Body):
    """A new post."""

    content: LongText


class Post(Body):
    """A post."""

    post_id: str
    user_id: str
    content: str
    creation_time: datetime


@router.post("/v1/posts", status_code=HTTPStatus.CREATED, response_model=Post)
async def write(body: NewPost, caller: LoggedIn, idempotency: IdempotencyDep) -> Response:
    """Write a post; the feeds of friends and followers show it the next time they load."""

    async def work(connection: Connection) -> Answer:
        post = Post(
            post_id=new_id(), user_id=caller.user_id, content=body.content, creation_time=datetime.now(UTC)
        )
        await connection.execute(
            "INSERT INTO posts (post_id, user_id, content, creation_time) VALUES (%s, %s, %s, %s)",
            (post.post_id, post.user_id, post.content, post.creation_time),
        )
        return Answer(post, headers={"Location": f"/v1/posts/{post.post_id}"})

    return await idempotency.run(work)


@router.get("/v1/posts/{post_id}")
async def show(post_id: PostId, caller: LoggedIn, database: DatabaseDep) -> Post:
    """A post; 404 if its author and the caller have a block between them."""
    post, relations = await _find_post(database, post_id, caller)
    require("post", "there", "read", relations)
    return post


@router.delete("/v1/posts/{post_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete(post_id: PostId, caller: LoggedIn, database: DatabaseDep) -> None:
    """Delete a post: permitted to its author, and to operators, whose act is recorded in the audit log."""
    post, relations = await _find_post(database, post_id, caller)
    require("post", "there", "delete", relations)
    async with database.transaction() as connection:
        cursor = await connection.execute("DELETE FROM posts WHERE post_id = %s", (post_id,))
        if cursor.rowcount and post.user_id != caller.user_id:
            await record_act(connection, caller.user_id, "take_down", post_id)


async def _find_post(database: Database, post_id: str, caller: Member) -> tuple[Post, set[Relation]]:
    """A post, and the caller's relations to it. Raises NotFoundError."""
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
            return Post(**row), find_relations(caller, row["user_id"], blocked=blocked)
    raise NotFoundError("No such post.")
