"""`python -m newsreel.derived`: write the forms that are committed beside the declarations: docs/tables/ pages."""

from __future__ import annotations

from pathlib import Path

from schemas.derive.markdown import page
from schemas.tables import TABLES


def write_pages(folder: Path) -> None:
    """Write one page for each declared table, and remove pages of tables that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.md"):
        stale.unlink()
    for declared in TABLES.values():
        (folder / f"{declared.name}.md").write_text(page(declared))


if __name__ == "__main__":
    write_pages(Path("docs/tables"))
