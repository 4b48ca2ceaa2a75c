#!/usr/bin/env bash
# A backtick is sent as another character, and a long text is cut between the two halves of a euro sign.
#
# Library   smpplib 2.2.4, `smpplib.gsm.make_parts`
# Guess     A text with a character that GSM 03.38 lacks goes out as UCS-2; parts end between characters.
# Seen      "`" is taken for a character of the default alphabet and sent as 0x5F, which is the section sign there; an extended
#           character (two septets, as the euro sign) has its escape at the end of one part and its own septet at
#           the start of the next, which phones show as something else.
# So        Choose the encoding and cut parts oneself, by characters.
# Exit      0 while this is so, 1 once it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpplib==2.2.4
"$folder/venv/bin/python" - <<'PY'
import sys

from smpplib import consts, gsm

parts, encoding, _ = gsm.make_parts("a`b")
text = b"".join(parts)
ESCAPE = 0x1B
long_parts, _, _ = gsm.make_parts("x" * 152 + "€" + "y" * 60)
header = 6  # user data header of concatenated parts
ends_in_escape = long_parts[0][header:][-1] == ESCAPE
print(f"backtick: data coding {encoding}, bytes {text!r}; first of {len(long_parts)} parts ends in an escape: {ends_in_escape}")
sys.exit(0 if encoding == consts.SMPP_ENCODING_DEFAULT and text == b"a\x5fb" and ends_in_escape else 1)
PY
