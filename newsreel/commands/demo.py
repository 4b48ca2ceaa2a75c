"""`newsreel demo`: the main job on a real video, end to end, with what came of it."""

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
    app.command("demo")(demo)


def demo(
    file: Annotated[Path, typer.Argument(help="Another video than the clip that comes with this.")] = CLIP,
    again: Annotated[bool, typer.Option("--again", help="Run the DAG once more; no row may change.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack up when this ends.")] = False,
    as_json: Json = False,
) -> int:
    """Ingest a real video through Airflow, Beam, Spark and Delta; exit 0 only if all of it holds."""
    from newsreel import ingestion
    from newsreel.embedded.stack import running_stack, stop_stack
    from newsreel.embedded.stack_process import start_stack
    from newsreel.summary import read_summary, shortcomings, table_digests
    from stores.delta import lake

    begun = time.monotonic()
    home, tables = settings().home, lake()
    found_running = running_stack(home) is not None
    title = CLIP_TITLE if file == CLIP else file.stem
    started = False
    try:
        known = ingestion.is_answered(file, USER)
        if keep or again or not known:
            if not found_running:
                console.say(f"starting the stack under {home}: PostgreSQL, Redis, Airflow, API, sink")
            start_stack(home, console.say, api_port=0, keep=keep)
            started = not found_running
        before = table_digests(tables) if again else {}
        stack = running_stack(home)
        if again or known or stack is None:
            # The answer is there already, or the DAG shall run once more for the video that is there.
            answer = ingestion.ingest(file, title, USER, console.say, again=again)
        else:
            answer = _brought(file, title, home, stack.api_url)
        sections = read_summary(tables, answer.video_id, answer.run_id or "")
        problems = shortcomings(sections) + ([answer.error] if answer.error else [])
        if again:
            problems += _changes(before, table_digests(tables), sections)
        links = _links(answer, home)
        if as_json:
            console.emit(_document(answer, sections, links, problems, time.monotonic() - begun))
        else:
            _show(sections, links, problems, again=again)
            console.say(f"{time.monotonic() - begun:.0f} s in all")
    finally:
        if started and not keep:
            stop_stack(home)
    if keep and not as_json:
        console.say("the stack stays up; `newsreel down` stops it")
    return 1 if problems else 0


def _brought(file: Path, title: str, home: Path, api_url: str) -> Answer:
    """Upload the file as the demo's user, and let the others watch it; where it stands."""
    from newsreel import demo_crowd, ingestion
    from newsreel.embedded.servers import database
    from stores.delta import lake
    from streaming.client.upload import upload_file

    with database():
        uploader = demo_crowd.person(api_url, home, USER)
        with console.progress() as on_progress:
            uploaded = upload_file(uploader, home, file, title, None, on_progress)
        console.say(f"video {uploaded.video_id}, uploaded as {USER}")
        answer = ingestion.follow(uploaded.video_id, console.say)
        if answer.status == "ready":
            demo_crowd.react(api_url, home, answer.video_id, console.say)
            demo_crowd.share(uploader, home, answer.video_id)
        ingestion.bring_up_to_date(lake(), console.say)
    return answer


def _changes(before: dict[str, str], after: dict[str, str], sections: dict[str, Section]) -> list[str]:
    """What a repeat did that it should not have done."""
    changed = [f"the repeat changed rows of {name}" for name in before if before[name] != after[name]]
    encoded = [row["detail"] for row in sections["stages"].rows if row["stage"] == "encode"]
    if not all(str(detail).startswith("0 chunks encoded") for detail in encoded):
        changed.append(f"the repeat encoded again: {encoded}")
    return changed


def _links(answer: Answer, home: Path) -> dict[str, str]:
    """Where it can be looked at, as long as the stack is up."""
    from newsreel.demo_crowd import shared_path
    from newsreel.embedded.stack import running_stack

    stack = running_stack(home)
    if stack is None:
        return {}
    links = {"watch": f"{stack.api_url}/watch/{answer.video_id}"}
    if path := shared_path(home, answer.video_id):
        links["share"] = f"{stack.api_url}{path}"
    if answer.playback:
        links |= {kind: f"{stack.api_url}{path}" for kind, path in answer.playback.items()}
    if answer.run_id:
        links["airflow"] = f"{stack.airflow_url}/dags/{INGEST_VIDEO}/runs/{answer.run_id}"
    return links


def _show(sections: dict[str, Section], links: dict[str, str], problems: list[str], *, again: bool) -> None:
    out = console.stdout()
    for section in sections.values():
        if section.rows:
            console.table(section.title, list(section.rows[0]), (row.values() for row in section.rows))
        else:
            out.print(f"{section.title}: none")
        out.print(f'  newsreel sql "{section.query}"\n', style="dim", soft_wrap=True)
    for what, link in links.items():
        out.print(f"{what:8} {link}", soft_wrap=True)
    if not links:
        out.print("`newsreel demo --keep` leaves the stack up, so that the video can be watched")
    if again and not problems:
        out.print("the repeat changed no row and encoded nothing")
    for problem in problems:
        out.print(f"NOT AS IT SHOULD BE: {problem}")


def _document(
    answer: Answer, sections: dict[str, Section], links: dict[str, str], problems: list[str], took_s: float
) -> dict[str, Any]:
    read = {name: section.rows for name, section in sections.items()}
    return {
        "video_id": answer.video_id,
        "status": answer.status,
        "run_id": answer.run_id,
        **read,
        "links": links,
        "problems": problems,
        "took_s": round(took_s, 1),
    }
