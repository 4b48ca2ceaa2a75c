"""Links, files and modules that the documentation names: all of them exist within this repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = [
    *sorted(PROJECT.glob("*.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
    *sorted((PROJECT / "findings").glob("*.md")),
]
HISTORY = "CHANGELOG.md"
"""It names what is gone."""

CODE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)|^(?: {4}|\t).*?$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(
    r"\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(?P<defined>\S+)", re.MULTILINE
)
HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*$", re.MULTILINE)
ANCHOR = re.compile(r"<a\s+(?:id|name)=\"(?P<name>[^\"]+)\"")

ROOMS = "schemas|stores|pipelines|jobs|dags|streaming|newsreel|benchmarks|tests"
FILE = re.compile(
    rf"(?<![\w/.~-])(?:(?:{ROOMS}|docs|bin|findings|\.ci)/[\w./-]*\w(?:\.\w+|/(?!\w)))(?![\w*<{{])"
)
"""Paths of files, by their suffix, and of folders, by the slash at their end."""
MODULE = re.compile(rf"(?:-m |`)(?P<name>(?:{ROOMS})(?:\.\w+)+)(?=[\s`(:,]|$)", re.MULTILINE)
PLACEHOLDER = re.compile(r"(?<![A-Za-z])(NAME|NNNN|ROOM|WING)(?![A-Za-z])")
"""Stands for a name that the reader chooses: dags/NAME.py."""
NEW_FILE = re.compile(r"title=\"(?P<title>[^\"]+)\"|^\?\? (?P<untracked>\S+)$", re.MULTILINE)
"""A file that the reader of the page creates, or that a command on it generates."""
NOT_A_MODULE = frozenset({"newsreel.passing"})
"""A setting of PostgreSQL."""


def find_links(text: str) -> list[str]:
    """Targets of the links of a page, without those in code."""
    return [match["target"] or match["defined"] for match in LINK.finditer(CODE.sub("", text))]


def find_anchors(text: str) -> set[str]:
    """Names that a link can have after `#`, as GitHub derives them from headings; a repeated name gets `-1`."""
    plain = re.sub(r"^(```+|~~~+).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    anchors: list[str] = [match["name"] for match in ANCHOR.finditer(plain)]
    for match in HEADING.finditer(plain):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match["text"]).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        repeats = sum(1 for anchor in anchors if re.fullmatch(rf"{re.escape(name)}(-\d+)?", anchor))
        anchors.append(f"{name}-{repeats}" if repeats else name)
    return set(anchors)


def find_broken_links(page: Path) -> list[str]:
    """Links of a page whose target does not exist, or is outside the repository."""
    broken = []
    for target in find_links(page.read_text()):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if parts.path.startswith("/") or not path.is_relative_to(PROJECT) or not path.exists():
            broken.append(f"{target}: no such file {path}")
        elif parts.fragment and path.suffix == ".md" and parts.fragment not in find_anchors(path.read_text()):
            broken.append(f"{target}: no such heading in {path.name}")
        elif parts.fragment and path.suffix != ".md":
            broken.append(f"{target}: link to the file without a line number")
    return broken


def find_missing_names(page: Path) -> list[str]:
    """Files and modules that a page names, also in code, and that do not exist."""
    text = page.read_text()
    new = {match["title"] or match["untracked"] for match in NEW_FILE.finditer(text)}
    return [*_list_missing_files(page, text, new), *_list_missing_modules(text, new)]


def _list_missing_files(page: Path, text: str, new: set[str]) -> Iterator[str]:
    for name in sorted(set(FILE.findall(text)) - new):
        folders = (PROJECT, PROJECT / "docs", page.parent)
        if not PLACEHOLDER.search(name) and not any((folder / name).exists() for folder in folders):
            yield name


def _list_missing_modules(text: str, new: set[str]) -> Iterator[str]:
    for name in sorted({match["name"] for match in MODULE.finditer(text)} - NOT_A_MODULE):
        path = Path(*name.split("."))
        if PLACEHOLDER.search(name) or f"{path}.py" in new or _find_source(path):
            continue
        owner = _find_source(path.parent)
        if not owner or not re.search(rf"\b{path.name}\b", owner.read_text()):
            yield name


def _find_source(module: Path) -> Path | None:
    files = (PROJECT / module.with_suffix(".py"), PROJECT / module / "__init__.py")
    return next((file for file in files if file.exists()), None)


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


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != HISTORY], ids=lambda page: str(page.relative_to(PROJECT))
)
def test_every_file_and_module_that_a_page_names_exists(page: Path) -> None:
    assert find_missing_names(page) == []


def test_a_file_or_module_that_is_gone_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.newsreel.test_docs.PROJECT", tmp_path)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__init__.py").write_text("")
    (tmp_path / "jobs" / "match.py").write_text("def find(): ...\n")
    page = tmp_path / "page.md"
    right = (
        "jobs/match.py", "`jobs/`", "python -m jobs.match", "`jobs.match.find()`", "dags/NAME.py", "a/jobs/gone.py",
        "https://x.example/jobs/gone.py", "`python -m jobs.NAME`", "```python title=\"jobs/new.py\"\n```", "`jobs.new`",
    )  # fmt: skip
    page.write_text("\n".join(right))
    assert find_missing_names(page) == []
    page.write_text(
        "\n".join((*right, "jobs/gone.py", "`jobs/none/`", "python -m jobs.gone", "`jobs.match.lose`"))
    )
    assert find_missing_names(page) == ["jobs/gone.py", "jobs/none/", "jobs.gone", "jobs.match.lose"]
