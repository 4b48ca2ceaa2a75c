"""HLS playlists (RFC 8216) and the DASH manifest (ISO/IEC 23009-1) of a package: their files and bitrates."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.ladder.ladder import CODECS
from pipelines.package.sprite_sheet import SpriteSheets
from schemas.errors import MediaToolError

HLS = "master.m3u8"
DASH = "manifest.mpd"
PLAYLIST = "media.m3u8"
MPD = "urn:mpeg:dash:schema:mpd:2011"
NUMBER = re.compile(r"\$Number(?:%0(\d+)d)?\$")
URI = re.compile(r'URI="([^"]+)"')
GROUP = re.compile(r'(?:GROUP-ID|AUDIO)="([^"]+)"')
TILES = "http://dashif.org/guidelines/thumbnail_tile"
THUMBNAILS_ID = "newsreel.thumbnails"

PAIRED_SOUND = {"h264": "aac", "hevc": "aac", "vp9": "opus", "av1": "opus"}
"""The audio codec that every player of a video codec supports."""


@dataclass(frozen=True)
class Segment:
    """One media segment: its duration and its file, relative to its playlist."""

    duration_s: float
    uri: str


@dataclass(frozen=True)
class MediaPlaylist:
    """One rendition's playlist."""

    target_s: int
    initialization: str
    segments: tuple[Segment, ...]

    @property
    def duration_s(self) -> float:
        """Total duration of the segments."""
        return sum(segment.duration_s for segment in self.segments)


@dataclass(frozen=True)
class Rates:
    """Bitrates of the media segments alone: mean and peak."""

    bitrate_bps: int
    peak_bps: int


@dataclass(frozen=True)
class _Variant:
    """One variant of a master playlist: its tag, the rendition's name, its URI."""

    attributes: str
    name: str
    uri: str

    @property
    def group(self) -> str:
        """Its audio group, or an empty string."""
        return _search(GROUP, self.attributes)


def read_playlist(path: Path) -> MediaPlaylist:
    """Read a media playlist. Raises MediaToolError if it is incomplete."""
    target, initialization, segments, length = 0, "", [], 0.0
    for line in path.read_text().splitlines():
        if line.startswith("#EXT-X-TARGETDURATION:"):
            target = int(line.partition(":")[2])
        elif line.startswith("#EXT-X-MAP:") and (found := URI.search(line)):
            initialization = found[1]
        elif line.startswith("#EXTINF:"):
            length = float(line.partition(":")[2].partition(",")[0])
        elif line and not line.startswith("#"):
            segments.append(Segment(length, line))
    if not (target and initialization and segments):
        raise MediaToolError(f"{path.name}: the packager wrote no complete media playlist")
    return MediaPlaylist(target, initialization, tuple(segments))


def measure_rates(folder: Path) -> Rates:
    """Measure the rates of one rendition's folder.

    The peak is the highest rate of any run of segments that lasts 0.5 to 1.5 target durations (RFC 8216, 4.1); for a
    rendition too short for such a run it is the mean.
    """
    playlist = read_playlist(folder / PLAYLIST)
    lengths = [segment.duration_s for segment in playlist.segments]
    sizes = [(folder / segment.uri).stat().st_size for segment in playlist.segments]
    mean = 8 * sum(sizes) / sum(lengths)
    return Rates(round(mean), round(_measure_peak_bps(lengths, sizes, playlist.target_s) or mean))


def _measure_peak_bps(lengths: Sequence[float], sizes: Sequence[int], target_s: int) -> float:
    highest = 0.0
    for first in range(len(lengths)):
        length, size = 0.0, 0
        for number in range(first, len(lengths)):
            length, size = length + lengths[number], size + sizes[number]
            if length > 1.5 * target_s:
                break
            if length >= 0.5 * target_s:
                highest = max(highest, 8 * size / length)
    return highest


def rewrite_master(
    path: Path,
    folders: Mapping[str, str],
    measured: Mapping[str, Rates],
    codecs: Mapping[str, str],
    thumbnails: str,
) -> None:
    """Write final folder names and measured rates into the master playlist, and pair video with audio renditions.

    `codecs`: by rendition; `thumbnails`: the index of the sprite sheets, or an empty string. Each video rendition is
    listed once, with the audio that its players support (PAIRED_SOUND); an audio rendition that is paired with none is
    listed with the first codec too, so that every one is offered. The most widely supported codec comes first.
    BANDWIDTH and AVERAGE-BANDWIDTH include the largest audio rendition of the group (RFC 8216, 4.3.4.2).
    """
    head, sounds, variants = [], [], []
    groups: dict[str, list[str]] = {}
    attributes = ""
    for line in path.read_text().splitlines():
        if line.startswith("#EXT-X-MEDIA:"):
            name = _search(URI, line).partition("/")[0]
            groups.setdefault(_search(GROUP, line), []).append(name)
            line = line.replace(f'URI="{name}/', f'URI="{folders[name]}/')
            sounds.append(line.replace("DEFAULT=NO", "DEFAULT=YES"))
        elif line.startswith("#EXT-X-STREAM-INF:"):
            attributes = line
        elif line.startswith("#"):
            head.append(line)
        elif line:
            variants.append(_Variant(attributes, line.partition("/")[0], line))
    if thumbnails:
        head.append(f'#EXT-X-SESSION-DATA:DATA-ID="{THUMBNAILS_ID}",VALUE="{thumbnails}"')
    lines = [*head, *sounds]
    for variant in _choose_variants(
        variants, {group: codecs[names[0]] for group, names in groups.items()}, codecs
    ):
        # For sound alone, the variant is the audio rendition itself.
        beside = [
            measured[name] for name in groups.get(variant.group, ()) if PAIRED_SOUND.get(codecs[variant.name])
        ]
        own, largest = (
            measured[variant.name],
            max(beside, key=lambda rates: rates.peak_bps, default=Rates(0, 0)),
        )
        both = Rates(own.bitrate_bps + largest.bitrate_bps, own.peak_bps + largest.peak_bps)
        lines += [
            _set_rates(variant.attributes, both),
            variant.uri.replace(variant.name, folders[variant.name], 1),
        ]
    path.write_text("\n".join(lines) + "\n")


def _choose_variants(
    variants: Sequence[_Variant], sounds: Mapping[str, str], codecs: Mapping[str, str]
) -> list[_Variant]:
    """Choose from the packager's variants, one per pair of video and audio, those to keep, in their final order."""
    pictures = [codecs[variant.name] for variant in variants if codecs[variant.name] in PAIRED_SOUND]
    if not sounds or not pictures:
        return list(variants)
    paired = {PAIRED_SOUND[codec] for codec in pictures}
    first = min(pictures, key=CODECS.index)

    def rank(variant: _Variant) -> tuple[bool, int]:
        codec = codecs[variant.name]
        return PAIRED_SOUND[codec] != sounds[variant.group], CODECS.index(codec)

    kept = [
        variant
        for variant in variants
        if PAIRED_SOUND[codecs[variant.name]] == sounds[variant.group]
        or (codecs[variant.name] == first and sounds[variant.group] not in paired)
    ]
    return sorted(kept, key=rank)


def _search(pattern: re.Pattern[str], line: str) -> str:
    found = pattern.search(line)
    return found[1] if found else ""


def _set_rates(line: str, measured: Rates) -> str:
    line = re.sub(r"(?<!AVERAGE-)BANDWIDTH=\d+", f"BANDWIDTH={measured.peak_bps}", line)
    return re.sub(r"AVERAGE-BANDWIDTH=\d+", f"AVERAGE-BANDWIDTH={measured.bitrate_bps}", line)


def rewrite_mpd(
    path: Path, folders: Mapping[str, str], measured: Mapping[str, Rates], sheets: SpriteSheets | None
) -> None:
    """Write final folder names and measured peaks into the DASH manifest, and add the sprite sheets as tiles."""
    ET.register_namespace("", MPD)
    ET.register_namespace("xsi", "http://www.w3.org/2001/XMLSchema-instance")
    tree = ET.parse(path)  # noqa: S314 - our own packager wrote it
    for representation in tree.iter(f"{{{MPD}}}Representation"):
        for template in representation.iter(f"{{{MPD}}}SegmentTemplate"):
            name = template.attrib["media"].partition("/")[0]
            representation.set("bandwidth", str(measured[name].peak_bps))
            for attribute in ("media", "initialization"):
                rest = template.attrib[attribute].partition("/")[2]
                template.set(attribute, f"{folders[name]}/{rest}")
    period = tree.find(f"{{{MPD}}}Period")
    if sheets is not None and period is not None:
        _add_tiles(period, sheets)
        ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def _add_tiles(period: ET.Element, sheets: SpriteSheets) -> None:
    """Add an adaptation set of tiles (DASH-IF Interoperability Points 4.3, 6.2.6)."""
    sizes = [path.stat().st_size for path in sheets.paths]
    image = ET.SubElement(period, f"{{{MPD}}}AdaptationSet", contentType="image", mimeType="image/jpeg")
    tiles = ET.SubElement(
        image,
        f"{{{MPD}}}Representation",
        id="thumbnails",
        bandwidth=str(math.ceil(8 * max(sizes) / sheets.sheet_s)),
        width=str(sheets.columns * sheets.width),
        height=str(sheets.rows * sheets.height),
    )
    grid = f"{sheets.columns}x{sheets.rows}"
    ET.SubElement(tiles, f"{{{MPD}}}EssentialProperty", schemeIdUri=TILES, value=grid)
    ET.SubElement(
        tiles,
        f"{{{MPD}}}SegmentTemplate",
        media=f"{sheets.folder.name}/$Number%05d$.jpg",
        duration=str(sheets.sheet_s),
        startNumber="1",
    )


def list_hls_files(package: Path) -> set[str]:
    """List every media file that the HLS playlists name, relative to the package."""
    master = (package / HLS).read_text()
    playlists = {line for line in master.splitlines() if line and not line.startswith("#")}
    playlists |= set(URI.findall(master))
    files = set()
    for name in playlists:
        playlist = read_playlist(package / name)
        uris = [playlist.initialization, *(segment.uri for segment in playlist.segments)]
        files |= {str(PurePosixPath(name).parent / uri) for uri in uris}
    return files


def list_dash_files(package: Path) -> set[str]:
    """List every video and audio file that the DASH manifest names, relative to the package."""
    files = set()
    tree = ET.parse(package / DASH)  # noqa: S314 - our own packager wrote it
    for template in tree.iter(f"{{{MPD}}}SegmentTemplate"):
        if "initialization" not in template.attrib:
            continue  # sprite sheets
        files.add(template.attrib["initialization"])
        number = int(template.attrib.get("startNumber", "1"))
        for entry in template.iter(f"{{{MPD}}}S"):
            for _ in range(int(entry.attrib.get("r", "0")) + 1):
                files.add(_fill_number(template.attrib["media"], number))
                number += 1
    return files


def _fill_number(template: str, number: int) -> str:
    return NUMBER.sub(lambda found: str(number).zfill(int(found[1] or 0)), template)
