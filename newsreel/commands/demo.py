"""`newsreel demo`: the main job on a real video, end to end, with a summary of the result.

Tests: tests/e2e/test_main_job.py.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsreel import console
from newsreel.commands.options import Json
from schemas.dags import INGEST_VIDEO
from schemas.settings import settings

if TYPE_CHECKING:
    from newsreel.ingestion import Answer
    from newsreel.summary import Section

CLIP = Path(__file__).parents[1] / "clip" / "big_buck_bunny.mp4"
CLIP_TITLE = "Big Buck Bunny (excerpt)"
USER = "demo"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("demo")(run_demo)


def run_demo(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", show_default="the bundled clip", help="The video to ingest.")
    ] = CLIP,
    again: Annotated[
        bool, typer.Option("--again", help="Run the whole DAG once more; fails if it changes a row.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the stack running; `newsreel down` stops it.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Ingest a video through Airflow, Beam, Spark and Delta.

    A user uploads it through the API, others watch, like and comment; then the result is read back from the lake, with
    the query of each table. Nothing is done twice: a repeat prints the same summary.

    Exit status: 0 the video is published and every check holds, else 1.
    """
    from newsreel import ingestion
    from newsreel.embedded.leftovers import stop_stack
    from newsreel.embedded.stack_process import start_stack
    from newsreel.embedded.stack_state import running_stack
    from newsreel.summary import digest_tables, find_problems, read_summary
    from stores.delta import lake

    start = time.monotonic()
    home, tables = settings().home, lake()
    was_running = running_stack(home) is not None
    title = CLIP_TITLE if file == CLIP else file.stem
    started = False
    try:
        known = ingestion.is_answered(file, USER)
        if keep or again or not known:
            if not was_running:
                console.say(f"starting the stack in {home}: PostgreSQL, Redis, Airflow, API, lake sink")
            start_stack(home, console.say, api_port=0, keep=keep)
            started = not was_running
        before = digest_tables(tables) if again else {}
        stack = running_stack(home)
        if again or known or stack is None:
            # The video is there already: return its answer, or run its DAG once more.
            answer = ingestion.ingest(file, title, USER, console.say, again=again)
        else:
            answer = _upload_and_follow(file, title, home, stack.api_url)
        sections = read_summary(tables, answer.video_id, answer.run_id or "")
        problems = find_problems(sections) + ([answer.error] if answer.error else [])
        if again:
            problems += _find_changes(before, digest_tables(tables), sections)
        links = _build_links(answer, home)
        if as_json:
            console.emit(_build_document(answer, sections, links, problems, time.monotonic() - start))
        else:
            _print_summary(sections, links, problems, again=again, stops=started and not keep)
            console.say(f"took {time.monotonic() - start:.0f} s")
    finally:
        if started and not keep:
            stop_stack(home)
    if keep and not as_json:
        console.say("the stack keeps running; stop it with `newsreel down`")
    return 1 if problems else 0


def _upload_and_follow(file: Path, title: str, home: Path, api_url: str) -> Answer:
    """Upload the file as the demo's user, wait for its ingest, and let the viewers watch it."""
    from newsreel import demo_crowd, ingestion
    from newsreel.embedded.servers import database
    from stores.delta import lake
    from streaming.client.upload import upload_file

    with database():
        uploader = demo_crowd.log_in(api_url, home, USER)
        with console.progress() as on_progress:
            uploaded = upload_file(uploader, home, file, title, None, on_progress)
        console.say(f"video {uploaded.video_id}, uploaded as {USER}")
        answer = ingestion.follow(uploaded.video_id, console.say)
        if answer.status == "ready":
            demo_crowd.perform_actions(api_url, home, answer.video_id, console.say)
            demo_crowd.create_share_link(uploader, home, answer.video_id)
        ingestion.bring_up_to_date(lake(), console.say)
    return answer


def _find_changes(before: dict[str, str], after: dict[str, str], sections: dict[str, Section]) -> list[str]:
    """List the tables that a repeated run changed, and whether it encoded anything again."""
    changes = [f"the repeated run changed rows of {name}" for name in before if before[name] != after[name]]
    details = [row["detail"] for row in sections["stages"].rows if row["stage"] == "encode"]
    if not all(str(detail).startswith("0 chunks encoded") for detail in details):
        changes.append(f"the repeated run encoded again: {details}")
    return changes


def _build_links(answer: Answer, home: Path) -> dict[str, str]:
    """Build the URLs of the video and of its run; empty unless the stack is running."""
    from newsreel.demo_crowd import read_share_path
    from newsreel.embedded.stack_state import running_stack

    stack = running_stack(home)
    if stack is None:
        return {}
    links = {"watch": f"{stack.api_url}/watch/{answer.video_id}"}
    if path := read_share_path(home, answer.video_id):
        links["share"] = f"{stack.api_url}{path}"
    if answer.playback:
        links |= {kind: f"{stack.api_url}{path}" for kind, path in answer.playback.items()}
    if answer.run_id:
        links["airflow"] = f"{stack.airflow_url}/dags/{INGEST_VIDEO}/runs/{answer.run_id}"
    return links


def _print_summary(
    sections: dict[str, Section], links: dict[str, str], problems: list[str], *, again: bool, stops: bool
) -> None:
    """Print sections, links and problems; `stops`: the stack is about to stop, and the links with it."""
    out = console.stdout()
    for section in sections.values():
        if section.rows:
            console.print_table(section.title, list(section.rows[0]), (row.values() for row in section.rows))
        else:
            out.print(f"{section.title}: none")
        out.print(f'  newsreel sql "{section.query}"\n', style="dim", soft_wrap=True)
    for name, link in links.items():
        out.print(f"{name:8} {link}", soft_wrap=True)
    if stops or not links:
        out.print("links work while the stack runs: `newsreel demo --keep` leaves it running")
    if again and not problems:
        out.print("the repeated run changed no row and encoded nothing")
    for problem in problems:
        out.print(f"PROBLEM: {problem}")


def _build_document(
    answer: Answer, sections: dict[str, Section], links: dict[str, str], problems: list[str], took_s: float
) -> dict[str, Any]:
    rows = {name: section.rows for name, section in sections.items()}
    return {
        "video_id": answer.video_id,
        "status": answer.status,
        "run_id": answer.run_id,
        **rows,
        "links": links,
        "problems": problems,
        "took_s": round(took_s, 1),
    }
