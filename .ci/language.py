#!/usr/bin/env python3
"""Language check: counts module docstrings, function names and words that a reader has to translate back.

`python .ci/language.py [--list]` prints each count with its limit, and exits 1 above one; `--list` prints every place.
The rules are those of CONTRIBUTING.md, "Language". Needs the standard library alone.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]

OPENINGS = ("What", "Who", "Whoever", "How", "Where", "Whether")
"""First words of a docstring that describes around its noun instead of naming it."""
OPENINGS_LIMIT = 0.02
FUNCTIONS_LIMIT = 0.01


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# First words of a function's name that are not an imperative. `to_`, `from_`, `as_`, `on_`: conversions and callbacks.
ADVERBS = _words(
    """again alone also anew apart at away back before both by down every here in inside into least
    less more most nearly never no nobody nothing of off old once only other ours out over own same
    some somebody soon still than that theirs then there through together under until up what when
    where which while who whole why with within without yet"""
)
PARTICIPLES = _words(
    """asked been begun born bought bound broken brought built came caught chosen come dealt done drawn
    driven fallen felt forgotten found frozen gave given gone got gotten grown heard held hidden
    hurt kept known laid led left lost made meant met paid ran risen said sat saw seen sent shaken
    shown shrunk sold sought spent spoken stood struck sunk sworn taken taught thought thrown told
    took torn understood went won wound written"""
)
VERBS_IN_ED = _words("embed exceed feed need proceed seed shed succeed speed")
UNCOUNTED_DECORATORS = ("property", "contextmanager", "fixture", "overload")

BANNED = {
    "mend": r"\bmend(s|ed|ing)?\b",
    "lest": r"\blest\b",
    "anew": r"\banew\b",
    "at work": r"\bat work\b",
    "none of ours": r"\bnone of ours\b",
    "is no X": r"(?<!there )(?<!There )\b(is|are|was|were) no (?!(longer|more|less|fewer|later|earlier|such)\b)[a-z]",
    "whoever": r"\b[Ww]hoever\b",
    "what there is": r"\b[Ww]hat there is\b",
    "who asks": r"\b[Ww]ho asks\b",
    "in the night": r"\bat (one|two|three|four|five) in the night\b",
}
TEXTS = (".py", ".md", ".toml", ".html", ".js", ".lua", ".sql", ".sh", ".yaml", ".properties", "")
NOT_OURS = re.compile(
    r"vendor/|stores/migrations/versions/|^LICENSE$|^uv\.lock$|^\.ci/language\.py$|/package-lock\.json$"
)
"""Bundled files, committed migrations, and this list of words itself."""


def tracked_files() -> list[Path]:
    """The files of the work tree that git tracks or would add, without those that are not ours."""
    command = ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    found = [PROJECT / name for name in names if name and not NOT_OURS.search(name)]
    return [path for path in found if path.suffix in TEXTS and path.is_file()]


def is_imperative(name: str) -> bool:
    """Whether the first word of a function's name may be an imperative verb."""
    first = name.strip("_").split("_")[0]
    if first in ADVERBS or first in PARTICIPLES:
        return False
    return not first.endswith("ed") or first in VERBS_IN_ED


def counted_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions and methods; without tests, magic methods, properties, context managers and fixtures."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
            skipped = node.name.startswith(("__", "test_")) or not node.name.strip("_")
            if not skipped and not any(word in decorators for word in UNCOUNTED_DECORATORS):
                yield node


def main(argv: list[str] | None = None) -> int:
    """Print the counts; exit 1 where one is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print every place")
    parser.add_argument("--under", default="", help="only files whose path begins so")
    arguments = parser.parse_args(argv)
    modules = functions = 0
    openings: list[str] = []
    names: list[str] = []
    words: list[str] = []
    for path in tracked_files():
        place = path.relative_to(PROJECT)
        if not str(place).startswith(arguments.under):
            continue
        text = path.read_text(errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            for word, pattern in BANNED.items():
                if re.search(pattern, line):
                    words.append(f"{place}:{number}: {word}: {line.strip()[:100]}")
        if path.suffix == ".py":
            tree = ast.parse(text)
            if docstring := ast.get_docstring(tree):
                modules += 1
                if docstring.split(None, 1)[0].strip("`,.:;") in OPENINGS:
                    openings.append(f"{place}: {docstring.splitlines()[0]}")
            for node in counted_functions(tree):
                functions += 1
                if not is_imperative(node.name):
                    names.append(f"{place}:{node.lineno}: {node.name}")
    rows = [
        ("module docstrings that open with What, Who, How, Where", openings, modules, OPENINGS_LIMIT),
        ("functions without a verb", names, functions, FUNCTIONS_LIMIT),
        ("banned words", words, 0, 0.0),
    ]
    failed = False
    for what, places, total, limit in rows:
        share = len(places) / total if total else float(len(places))
        failed = failed or share > limit
        if arguments.list or share > limit:
            print(*places, sep="\n")
        of_all = f" of {total} ({share:.1%}, limit {limit:.0%})" if total else " (limit 0)"
        print(f"language: {what}: {len(places)}{of_all}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
