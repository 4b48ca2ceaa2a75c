"""Packages: HLS and DASH manifests, sprite sheets, thumbnails."""
