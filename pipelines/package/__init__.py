"""Packages: HLS and DASH manifests over one set of segments, sprite sheets, thumbnails."""
