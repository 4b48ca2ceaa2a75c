"""What one decode of a source tells: chunks, faults, fingerprints."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import BYTE_END, BYTE_START, VIDEO_ID

CHUNKS = Table(
    name="chunks",
    comment="The spans of a source that are inspected and encoded apart from each other.",
    row="one span of one source, from a clean key frame to the next chosen one",
    key=("video_id", "chunk_index"),
    writer="delta-rs",
    owner="ingest",
    written_by="pipelines.inspect_video",
    fresh_within_s=None,
    made_from=("videos",),
    columns=(
        VIDEO_ID,
        Column("chunk_index", "int64", "Place in the source, from 0.", minimum=0),
        Column("start_s", "float64", "Presentation time of its first picture.", unit="s", minimum=0),
        Column("end_s", "float64", "Presentation time of the first picture after it.", unit="s", minimum=0),
        Column("start_pts", "int64", "The same in ticks of the source's time base."),
        Column("end_pts", "int64", "The same in ticks of the source's time base."),
        BYTE_START,
        BYTE_END,
        Column("frames", "int64", "Pictures that the decoder gave.", minimum=0),
        Column("state", "string", "What the strict decode found.", allowed=("sound", "damaged")),
    ),
)

INSPECTIONS = Table(
    name="inspections",
    comment="The faults that inspection found; a fatal one rejects the video.",
    row="one fault of one source",
    key=("video_id", "fault_id"),
    writer="delta-rs",
    owner="ingest",
    written_by="pipelines.inspect_video",
    fresh_within_s=None,
    made_from=("videos",),
    columns=(
        VIDEO_ID,
        Column("fault_id", "string", "UUIDv5 of video, kind and place."),
        Column("kind", "string", "What is wrong, one word: decode_error, truncated, …"),
        Column("severity", "string", "Whether it rejects.", allowed=("fatal", "warning")),
        Column("start_s", "float64", "From when.", nullable=True, unit="s", minimum=0),
        Column("end_s", "float64", "Until when.", nullable=True, unit="s", minimum=0),
        BYTE_START,
        BYTE_END,
        Column("repairable", "boolean", "Whether parity could mend it."),
        Column("detail", "string", "For a person to act on."),
    ),
)

FINGERPRINTS = Table(
    name="fingerprints",
    comment="Four perceptual hashes a second of each source's picture.",
    row="one sampled picture of one source",
    key=("video_id", "position_s"),
    writer="delta-rs",
    owner="deduplication",
    written_by="pipelines.inspect_video, `newsreel fingerprint`",
    fresh_within_s=None,
    made_from=("videos",),
    columns=(
        VIDEO_ID,
        Column("position_s", "float64", "When it shows, from the first picture on.", unit="s", minimum=0),
        Column("hash", "binary", "256-bit perceptual hash (PDQ), 32 bytes."),
        Column(
            "quality", "int64", "How much there is to tell apart; flat ones are low.", minimum=0, maximum=100
        ),
        Column("sha256", "string", "SHA-256 of the file that it was taken from."),
        Column("origin", "string", "How it came into the corpus.", allowed=("ingest", "corpus")),
    ),
)
