"""Packaging: one set of CMAF segments for an HLS master playlist and a DASH manifest, the same bytes every time.

Shaka Packager writes it, with a fake clock and on one thread: otherwise init segments contain the time, and manifest
ids vary. Each rendition's folder is then named by its own digest, so that caches may keep it forever, and measured
rates are written into both manifests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines import media_tools
from pipelines.package.manifests import (
    DASH,
    HLS,
    PLAYLIST,
    Rates,
    list_dash_files,
    list_hls_files,
    measure_rates,
    read_playlist,
    rewrite_master,
    rewrite_mpd,
)
from pipelines.package.sprite_sheet import INDEX, SpriteSheets
from schemas.errors import MediaToolError
from stores.media import folder_digest

SEGMENT_S = 4
DIGEST_CHARACTERS = 16
SPRITES = "sprites"
SAFE_NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True)
class Track:
    """One finished rendition as an MP4 of one stream; `media` is "video" or "audio"."""

    name: str
    media: str
    codec: str
    path: Path


@dataclass(frozen=True)
class PackagedTrack:
    """A track in the package: its folder, its bitrates, its duration."""

    name: str
    folder: str
    rates: Rates
    duration_s: float


def write_package(
    tracks: Sequence[Track], folder: Path, sprites: SpriteSheets | None = None
) -> tuple[PackagedTrack, ...]:
    """Write a package of these tracks into an empty folder and verify it; the sprite sheets are moved into it.

    Raises MediaToolError if the packager fails, or the manifests name different or missing files.
    """
    media_tools.check(_build_command(tracks), timeout_s=3_600, cwd=folder)
    folders, measured, packaged = {}, {}, []
    for track in tracks:
        folders[track.name] = _name_by_digest(folder / track.name, track.name, folder)
        measured[track.name] = measure_rates(folder / folders[track.name])
        length_s = read_playlist(folder / folders[track.name] / PLAYLIST).duration_s
        packaged.append(PackagedTrack(track.name, folders[track.name], measured[track.name], length_s))
    index = ""
    if sprites is not None:
        name = _name_by_digest(sprites.folder, SPRITES, folder)
        sprites, index = replace(sprites, folder=folder / name), f"{name}/{INDEX}"
    codecs = {track.name: track.codec for track in tracks}
    rewrite_master(folder / HLS, folders, measured, codecs, index)
    rewrite_mpd(folder / DASH, folders, measured, sprites)
    verify_package(folder)
    return tuple(packaged)


def _name_by_digest(finished: Path, name: str, folder: Path) -> str:
    """Rename a finished folder after the digest of its content; returns the final name."""
    final = f"{name}-{folder_digest(finished)[:DIGEST_CHARACTERS]}"
    finished.rename(folder / final)
    return final


def verify_package(folder: Path) -> None:
    """Check that both manifests name the same video and audio files by relative paths, and that all of them exist.

    Raises MediaToolError that names a file if not.
    """
    hls, dash = list_hls_files(folder), list_dash_files(folder)
    if hls != dash:
        raise MediaToolError(f"HLS and DASH name different files: {sorted(hls ^ dash)[:3]}")
    for name in sorted(hls):
        if name.startswith("/") or ".." in name or "://" in name or not (folder / name).is_file():
            raise MediaToolError(f"the manifests name {name}, which is not in the package")


def _build_command(tracks: Sequence[Track]) -> list[str]:
    return [
        media_tools.program("packager"),
        *(_format_descriptor(track) for track in tracks),
        *("--segment_duration", str(SEGMENT_S), "--generate_static_live_mpd"),
        *("--hls_master_playlist_output", HLS, "--mpd_output", DASH),
        *("--use_fake_clock_for_muxer", "--single_threaded", "--force_cl_index", "--quiet"),
    ]


def _format_descriptor(track: Track) -> str:
    """Format a stream descriptor for the packager: commas separate its fields, so a path must not contain one."""
    if not SAFE_NAME.fullmatch(track.name) or "," in str(track.path) or "=" in str(track.path):
        raise MediaToolError(
            f"{track.path}: the packager does not accept a comma or an equals sign in a path; move HOME"
        )
    fields = {
        "in": str(track.path),
        "stream": track.media,
        "init_segment": f"{track.name}/init.mp4",
        "segment_template": f"{track.name}/$Number%05d$.m4s",
        "playlist_name": f"{track.name}/{PLAYLIST}",
    }
    if track.media == "audio":
        fields |= {"hls_group_id": f"sound-{track.codec}", "hls_name": track.name}
    return ",".join(f"{key}={value}" for key, value in fields.items())
