#!/usr/bin/env bash
# A Megolm message that is delivered twice is decrypted twice, with the same index and without an error.
#
# Library   vodozemac 0.10.0 (Python), libolm's successor
# Guess     An inbound group session refuses a message whose index it has decrypted already, as Olm sessions do.
# Seen      `decrypt` returns the same text and `message_index` as often as it is asked: replay detection is the
#           application's. An Olm session refuses the repeat.
# So        Keep (session_id, message_index) -> message id, and refuse another message under the same pair.
# Exit      0 while this is so, 1 once it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vodozemac==0.10.0
"$folder/venv/bin/python" - <<'PY'
import sys

import vodozemac

outbound = vodozemac.GroupSession()
inbound = vodozemac.InboundGroupSession(outbound.session_key)
message = outbound.encrypt(b"hello")
replayed = [(found.plaintext, found.message_index) for found in (inbound.decrypt(message) for _ in range(3))]
ann, bob = vodozemac.Account(), vodozemac.Account()
bob.generate_one_time_keys(1)
to_bob = ann.create_outbound_session(bob.curve25519_key, next(iter(bob.one_time_keys.values())))
first = to_bob.encrypt(b"hello")
from_ann, text = bob.create_inbound_session(ann.curve25519_key, first.to_pre_key())
try:
    from_ann.decrypt(first)
    olm = "decrypted"
except Exception as error:
    olm = f"refused ({type(error).__name__})"
print(f"Megolm, the same message three times: {replayed}; Olm, the same message twice: {olm}")
sys.exit(0 if replayed == [(b"hello", 0)] * 3 and olm.startswith("refused") else 1)
PY
