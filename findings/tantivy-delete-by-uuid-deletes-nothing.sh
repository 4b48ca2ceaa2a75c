#!/usr/bin/env bash
# Deleting a document by its UUID deletes nothing in a text field with the default tokenizer, and says nothing.
#
# Library   tantivy 0.27.0 (tantivy-py)
# Guess     `writer.delete_documents("id", uuid)` removes the document with this id, whatever the field's tokenizer.
# Seen      The id is stored as five tokens (split at hyphens, lower case); the whole UUID is not a term of the index, so
#           nothing is removed and nothing is raised: every upsert leaves a duplicate. With tokenizer_name="raw" it works.
#           Also: a token of 40 bytes or more is dropped by the default tokenizer (14 CJK characters without a space),
#           so its document cannot be found by it.
# Exit      0 while this is so, 1 once it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tantivy==0.27.0
"$folder/venv/bin/python" - <<'PY'
import sys

import tantivy

ID = "019ad2f0-5c1e-7cc3-98c4-dc0c0c07398f"


def left_after_delete(tokenizer: str) -> int:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name=tokenizer)
    index = tantivy.Index(builder.build())
    writer = index.writer()
    writer.add_document(tantivy.Document(id=ID))
    writer.commit()
    writer.delete_documents("id", ID)
    writer.commit()
    index.reload()
    return index.searcher().num_docs


def found(title: str) -> int:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("title", stored=True)
    index = tantivy.Index(builder.build())
    writer = index.writer()
    writer.add_document(tantivy.Document(title=title))
    writer.commit()
    index.reload()
    query = tantivy.Query.term_query(index.schema, "title", title)
    return index.searcher().search(query, 10).count


left = {name: left_after_delete(name) for name in ("default", "raw")}
hits = {len(title.encode()): found(title) for title in ("影" * 13, "影" * 14)}
print(f"documents left after a delete by id, by tokenizer: {left}; hits by bytes of a token: {hits}")
sys.exit(0 if left == {"default": 1, "raw": 0} and hits == {39: 1, 42: 0} else 1)
PY
