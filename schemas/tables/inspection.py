"""Results of the inspection of a source, one decode: chunks, faults, fingerprints."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import BYTE_END, BYTE_START, VIDEO_ID

CHUNKS = Table(
    name="chunks",
    comment="Parts of a source that are inspected and encoded independently.",
    row="one chunk of one source, from a clean key frame up to the next chosen one",
    key=("video_id", "chunk_index"),
    writer="delta-rs",
    owner="ingest",
    written_by="pipelines.inspect_video",
    fresh_within_s=None,
    made_from=("videos",),
    columns=(
        VIDEO_ID,
        Column("chunk_index", "int64", "Position in the source, from 0.", minimum=0),
        Column("start_s", "float64", "Presentation time of its first picture.", unit="s", minimum=0),
        Column("end_s", "float64", "Presentation time of the first picture after it.", unit="s", minimum=0),
        Column("start_pts", "int64", "start_s in ticks of the source's time base."),
        Column("end_pts", "int64", "end_s in ticks of the source's time base."),
        BYTE_START,
        BYTE_END,
        Column("frames", "int64", "Pictures that the decoder returned.", minimum=0),
        Column("state", "string", "Result of the strict decode.", allowed=("sound", "damaged")),
    ),
)

INSPECTIONS = Table(
    name="inspections",
    comment="Faults found by the inspection; a fatal one rejects the video.",
    row="one fault of one source",
    key=("video_id", "fault_id"),
    writer="delta-rs",
    owner="ingest",
    written_by="pipelines.inspect_video",
    fresh_within_s=None,
    made_from=("videos",),
    columns=(
        VIDEO_ID,
        Column("fault_id", "string", "UUIDv5 of video, kind and position."),
        Column("kind", "string", "Kind of the fault: decode_error, truncated, …"),
        Column("severity", "string", "fatal: the video is rejected.", allowed=("fatal", "warning")),
        Column("start_s", "float64", "Start of the fault.", nullable=True, unit="s", minimum=0),
        Column("end_s", "float64", "End of the fault.", nullable=True, unit="s", minimum=0),
        BYTE_START,
        BYTE_END,
        Column("repairable", "boolean", "True if parity data could repair it."),
        Column("detail", "string", "Description for the uploader."),
    ),
)

FINGERPRINTS = Table(
    name="fingerprints",
    comment="Perceptual hashes of each source's picture, four per second.",
    row="one sampled picture of one source",
    key=("video_id", "position_s"),
    writer="delta-rs",
    owner="deduplication",
    written_by="pipelines.inspect_video, `newsreel fingerprint`",
    fresh_within_s=None,
    made_from=("videos",),
    columns=(
        VIDEO_ID,
        Column("position_s", "float64", "Time since the first picture.", unit="s", minimum=0),
        Column("hash", "binary", "256-bit perceptual hash (PDQ), 32 bytes."),
        Column(
            "quality", "int64", "PDQ quality; low for a picture with little detail.", minimum=0, maximum=100
        ),
        Column("sha256", "string", "SHA-256 of the source file."),
        Column(
            "origin",
            "string",
            "ingest: a video of this platform; corpus: a file added by `newsreel fingerprint`.",
            allowed=("ingest", "corpus"),
        ),
    ),
)
