"""HLS playlists (RFC 8216) and the DASH manifest (ISO/IEC 23009-1) of a package: what they name, and at which rates."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from schemas.errors import MediaToolError

HLS = "master.m3u8"
DASH = "manifest.mpd"
PLAYLIST = "media.m3u8"
MPD = "urn:mpeg:dash:schema:mpd:2011"
NUMBER = re.compile(r"\$Number(?:%0(\d+)d)?\$")
URI = re.compile(r'URI="([^"]+)"')


@dataclass(frozen=True)
class Segment:
    """One media segment: its length in seconds and its file, relative to its playlist."""

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
        """Length of all segments."""
        return sum(segment.duration_s for segment in self.segments)


@dataclass(frozen=True)
class Rates:
    """Bits a second of media segments alone: over the whole, and at the worst."""

    bitrate_bps: int
    peak_bps: int


def media_playlist(path: Path) -> MediaPlaylist:
    """Read a media playlist. Raises MediaToolError where it is none."""
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


def rates(folder: Path) -> Rates:
    """Rates of one rendition's folder.

    The peak is the highest rate of any run of segments that lasts 0.5 to 1.5 target durations (RFC 8216, 4.1); a
    rendition too short for such a run has its whole as the only one.
    """
    playlist = media_playlist(folder / PLAYLIST)
    lengths = [segment.duration_s for segment in playlist.segments]
    sizes = [(folder / segment.uri).stat().st_size for segment in playlist.segments]
    mean = 8 * sum(sizes) / sum(lengths)
    return Rates(round(mean), round(_peak(lengths, sizes, playlist.target_s) or mean))


def _peak(lengths: Sequence[float], sizes: Sequence[int], target_s: int) -> float:
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
    path: Path, folders: Mapping[str, str], measured: Mapping[str, Rates], sound: str | None
) -> None:
    """Put final folder names and measured rates in the master playlist; `sound` is the audio group's one rendition.

    BANDWIDTH and AVERAGE-BANDWIDTH count the sound that plays with the picture (RFC 8216, 4.3.4.2).
    """
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        name = line.partition("/")[0]
        if line and not line.startswith("#"):
            lines[number] = line.replace(f"{name}/", f"{folders[name]}/", 1)
            voice = measured[sound] if sound and name != sound else Rates(0, 0)
            both = Rates(
                measured[name].bitrate_bps + voice.bitrate_bps, measured[name].peak_bps + voice.peak_bps
            )
            lines[number - 1] = _with_rates(lines[number - 1], both)
        elif line.startswith("#EXT-X-MEDIA:") and (found := URI.search(line)):
            inner = found[1].partition("/")[0]
            line = line.replace(f'URI="{inner}/', f'URI="{folders[inner]}/').replace(
                "DEFAULT=NO", "DEFAULT=YES"
            )
            lines[number] = line
    path.write_text("\n".join(lines) + "\n")


def _with_rates(line: str, measured: Rates) -> str:
    line = re.sub(r"(?<!AVERAGE-)BANDWIDTH=\d+", f"BANDWIDTH={measured.peak_bps}", line)
    return re.sub(r"AVERAGE-BANDWIDTH=\d+", f"AVERAGE-BANDWIDTH={measured.bitrate_bps}", line)


def rewrite_mpd(path: Path, folders: Mapping[str, str], measured: Mapping[str, Rates]) -> None:
    """Put final folder names and measured peaks in the DASH manifest."""
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
    tree.write(path, encoding="utf-8", xml_declaration=True)


def hls_files(package: Path) -> set[str]:
    """Every media file that the HLS playlists name, relative to the package."""
    master = (package / HLS).read_text()
    playlists = {line for line in master.splitlines() if line and not line.startswith("#")}
    playlists |= set(URI.findall(master))
    files = set()
    for name in playlists:
        playlist = media_playlist(package / name)
        uris = [playlist.initialization, *(segment.uri for segment in playlist.segments)]
        files |= {str(PurePosixPath(name).parent / uri) for uri in uris}
    return files


def dash_files(package: Path) -> set[str]:
    """Every media file that the DASH manifest names, relative to the package."""
    files = set()
    tree = ET.parse(package / DASH)  # noqa: S314 - our own packager wrote it
    for template in tree.iter(f"{{{MPD}}}SegmentTemplate"):
        files.add(template.attrib["initialization"])
        number = int(template.attrib.get("startNumber", "1"))
        for entry in template.iter(f"{{{MPD}}}S"):
            for _ in range(int(entry.attrib.get("r", "0")) + 1):
                files.add(_numbered(template.attrib["media"], number))
                number += 1
    return files


def _numbered(template: str, number: int) -> str:
    return NUMBER.sub(lambda found: str(number).zfill(int(found[1] or 0)), template)
