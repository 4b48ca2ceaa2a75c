"""Links of the documentation: each names an existing file, folder or heading of this repository."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]

CODE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)|^(?: {4}|\t).*?$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(
    r"\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(?P<defined>\S+)", re.MULTILINE
)
HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*$", re.MULTILINE)
ANCHOR = re.compile(r"<a\s+(?:id|name)=\"(?P<name>[^\"]+)\"")


def find_links(text: str) -> list[str]:
    """Find the targets of a page's links, without those in code."""
    return [found["target"] or found["defined"] for found in LINK.finditer(CODE.sub("", text))]


def find_anchors(text: str) -> set[str]:
    """Find the anchors of a page, derived from headings as GitHub does: a repeated one gets `-1`."""
    plain = re.sub(r"^(```+|~~~+).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    names: list[str] = [found["name"] for found in ANCHOR.finditer(plain)]
    for found in HEADING.finditer(plain):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found["text"]).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        again = sum(1 for one in names if re.fullmatch(rf"{re.escape(name)}(-\d+)?", one))
        names.append(f"{name}-{again}" if again else name)
    return set(names)


def find_broken_links(page: Path) -> list[str]:
    """Find the links of a page that are broken or lead out of the repository."""
    wrong = []
    for target in find_links(page.read_text()):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if parts.path.startswith("/") or not path.is_relative_to(PROJECT) or not path.exists():
            wrong.append(f"{target}: no such file {path}")
        elif parts.fragment and path.suffix == ".md" and parts.fragment not in find_anchors(path.read_text()):
            wrong.append(f"{target}: no such heading in {path.name}")
        elif parts.fragment and path.suffix != ".md":
            wrong.append(f"{target}: link to the file without a line number")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert find_broken_links(page) == []


def test_a_wrong_link_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.newsreel.test_docs.PROJECT", tmp_path)
    other = tmp_path / "other.md"
    other.write_text("# Two `words`, and more\n## Again\n## Again\n")
    page = tmp_path / "page.md"
    right = (
        "other.md",
        "other.md#two-words-and-more",
        "other.md#again-1",
        "#here",
        ".",
        "https://x.example/y",
    )
    wrong = ("gone.md", "other.md#nothing", "#there", "../..", "/other.md", "other.md#again-2")
    page.write_text("# Here\n" + "".join(f"[a]({target})\n" for target in (*right, *wrong)) + "`[a](code)`\n")
    assert [found.partition(": ")[0] for found in find_broken_links(page)] == list(wrong)
