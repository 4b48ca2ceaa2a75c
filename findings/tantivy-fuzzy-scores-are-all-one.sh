#!/usr/bin/env bash
# All hits of a fuzzy query have the same score: an exact match is not above one with two typos.
#
# Library   tantivy 0.27.0 (tantivy-py)
# Guess     A fuzzy term query ranks by edit distance, or by BM25 as a term query does.
# Seen      Every hit scores 1.0 (a constant-score automaton query); the order of hits is the order of documents.
# So        Boolean "should" of a term query (boosted) and the fuzzy one, or a ranking of one's own over the hits.
# Exit      0 while this is so, 1 once it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tantivy==0.27.0
"$folder/venv/bin/python" - <<'PY'
import sys

import tantivy

builder = tantivy.SchemaBuilder()
builder.add_text_field("title", stored=True)
index = tantivy.Index(builder.build())
writer = index.writer()
titles = ["bunnies", "bunnx", "bunny", "bunny bunny bunny"]
for title in titles:
    writer.add_document(tantivy.Document(title=title))
writer.commit()
index.reload()
searcher = index.searcher()
query = tantivy.Query.fuzzy_term_query(index.schema, "title", "bunny", distance=2)
hits = [(searcher.doc(address)["title"][0], score) for score, address in searcher.search(query, 10).hits]
exact = searcher.search(tantivy.Query.term_query(index.schema, "title", "bunny"), 10).hits
print(f"fuzzy: {hits}; a term query scores {[round(score, 2) for score, _ in exact]}")
different = len({round(score, 4) for score, _ in exact}) > 1
sys.exit(0 if hits and {score for _, score in hits} == {1.0} and different else 1)
PY
