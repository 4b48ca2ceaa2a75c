"""
# ingest_video: turns an uploaded video into a published package, or rejects it with reasons.

| task | engine | does |
|---|---|---|
| `inspect` | Beam | decodes the file strictly, finds faults, computes fingerprints; damaged files go to `reject` |
| `match` | Spark | compares with the corpus: a whole copy is a duplicate, a partial copy is recorded and accepted |
| `encode` | Beam | encodes every chunk on every rung, verifies, joins, packages as HLS and DASH |
| `publish` | - | checks the written rows, then sets the status and records the event in one transaction |
| `reject` | - | sets status `rejected` or `duplicate`, with the reasons |
| `fail` | - | sets status `failed`, with the reason of the failed stage, and fails the run |

**Owner** media. **Param** `video_id`; the run id is `<video_id>-<attempt>`.

**Idempotent** yes: every task can be killed and run again, and a run can be repeated. A repeat encodes nothing, and
changes rows of `pipeline_runs` and `quality_results` only. A newer attempt takes the video's fence; an older one that
still runs cannot write any more (docs/adr/0008-fences-and-ingest-slots.md).

**When it fails** see `newsreel runs VIDEO` and the log of the red task. Fix the cause, then run `newsreel retry VIDEO`
or clear the failed task here; finished work is not repeated. `newsreel cancel VIDEO` stops a run. A video with status
`rejected` is not a failure: its `reasons` are for the uploader. See also docs/runbook.md.
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
    description="Turns an uploaded video into a published package, or rejects it with reasons",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=CONCURRENT_INGESTS,
    tags=["video"],
    params={
        "video_id": Param(
            type="string",
            pattern=r"^[A-Za-z0-9._~-]{1,64}$",
            description="The video; its source is in the media store.",
        ),
        "request_id": Param(
            default=None,
            type=["null", "string"],
            pattern=r"^[A-Za-z0-9._~-]{1,64}$",
            description="Id of the API request that caused this run; the run's events carry it.",
        ),
        "event_id": Param(
            default=None,
            type=["null", "integer"],
            description="Id of the event that started this run, if one did.",
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
    # Skipped unless a task failed: then it is the run's only leaf, and its failure fails the run.
    [inspect, match, encode, publish, reject] >> Label("failed") >> fail
