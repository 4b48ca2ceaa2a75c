"""`python -m newsreel.derived`: write the forms that are committed beside the declarations: pages in docs/."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.derive.markdown import page, shard_keys
from schemas.tables import LIVE_TABLES, TABLES

SHARD_KEYS = re.compile(r"(<!-- shard keys: .*? -->\n).*?(<!-- end of shard keys -->)", re.DOTALL)


def write_pages(folder: Path) -> None:
    """Write one page for each declared table, and remove pages of tables that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.md"):
        stale.unlink()
    for declared in TABLES.values():
        (folder / f"{declared.name}.md").write_text(page(declared))


def with_shard_keys(text: str) -> str:
    """The page with the list of shard keys as it is declared now."""
    return SHARD_KEYS.sub(rf"\g<1>\n{shard_keys(LIVE_TABLES)}\n\n\g<2>", text)


if __name__ == "__main__":
    write_pages(Path("docs/tables"))
    sharding = Path("docs/sharding.md")
    sharding.write_text(with_shard_keys(sharding.read_text()))
