"""
# ingest_video: a video's bytes become a published package, or a reason why not.

| task | engine | does |
|---|---|---|
| `inspect` | Beam | decodes strictly, finds faults, takes fingerprints; refuses damaged files |
| `match` | Spark | compares with the corpus; a whole copy is a duplicate, a part is reported and accepted |
| `encode` | Beam | chunk by rung, verified, joined, packaged as HLS and DASH |
| `publish` | - | checks the written rows, then status and event in one transaction |
| `reject` | - | status `rejected` or `duplicate`, with the reasons |
| `fail` | - | status `failed`, with the reason of the stage that failed; the run is failed |

**Owner** media. **Param** `video_id`; the run id is `<video_id>-<attempt>`.

**Idempotent** yes: every task may be killed and run again, and a run may be repeated; a second one changes no row but
those of `pipeline_runs` and `quality_results`, and encodes nothing. A newer attempt takes the video's fence: an older
one that still runs writes nothing more (docs/adr/0008-fences-and-ingest-slots.md).

**When it fails** `newsreel runs VIDEO` and the log of the red task say why. Mend the cause, then `newsreel retry
VIDEO`, or clear the failed task here: what is done stays done. `newsreel cancel VIDEO` stops a run. A video whose
status is `rejected` did not fail: its `reasons` are for the uploader. More in docs/runbook.md.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Label, Param, TriggerRule

from dags.operators.beam import BeamOperator
from dags.operators.program import ProgramOperator
from dags.operators.spark import SparkOperator
from schemas.dags import CONCURRENT_INGESTS, INGEST_VIDEO

with DAG(
    dag_id=INGEST_VIDEO,
    description="A video's bytes become a published package, or a reason why not",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=CONCURRENT_INGESTS,
    tags=["video"],
    params={
        "video_id": Param(
            type="string",
            pattern=r"^[A-Za-z0-9._~-]{1,64}$",
            description="The video, whose source lies in the media store.",
        ),
        "request_id": Param(
            default=None,
            type=["null", "string"],
            pattern=r"^[A-Za-z0-9._~-]{1,64}$",
            description="The request to the API that asked for this run; the run's events carry it.",
        ),
        "event_id": Param(
            default=None,
            type=["null", "integer"],
            description="The event that started this run, where one did.",
        ),
    },
    default_args={
        "owner": "media",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(hours=1),
    },
):
    inspect = BeamOperator(task_id="inspect", module="pipelines.inspect_video")
    match = SparkOperator(task_id="match", module="jobs.match_video", execution_timeout=timedelta(minutes=20))
    encode = BeamOperator(
        task_id="encode", module="pipelines.encode_video", execution_timeout=timedelta(hours=6)
    )
    publish = ProgramOperator(task_id="publish", module="pipelines.publish")
    reject = ProgramOperator(
        task_id="reject", module="pipelines.reject", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    )
    fail = ProgramOperator(
        task_id="fail", module="pipelines.fail", ends_run=True, trigger_rule=TriggerRule.ONE_FAILED
    )

    inspect >> Label("accept") >> match >> Label("new") >> encode >> publish
    inspect >> Label("damaged") >> reject
    match >> Label("duplicate") >> reject
    # Skipped unless something failed: then it is the run's only leaf, and makes the run a failed one.
    [inspect, match, encode, publish, reject] >> Label("failed") >> fail
