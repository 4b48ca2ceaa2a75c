"""Delta's jars for Spark: resolved once from Maven Central into a cache, with checksums in `jars.lock`.

`python -m jobs.spark.jars` fetches missing jars and prints the result. The resolver is the Ivy that pyspark ships, with
one repository: Spark's default adds a second one, and waits for it (docs/adr/0003-spark-jars-and-session.md).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.utils import CryptographyDeprecationWarning

from jobs.spark.java import java_home
from schemas.errors import DependencyError, NewsreelError
from stores.files import file_lock

LOCK_FILE = Path(__file__).with_name("jars.lock")
RESOLVE_TIMEOUT_S = 600
PARTIAL = ".partial-"

IVY_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""


@dataclass(frozen=True)
class Jar:
    """One line of the lock file."""

    sha256: str
    organisation: str
    artifact: str
    revision: str

    @property
    def file_name(self) -> str:
        """File name in the cache."""
        return f"{self.artifact}-{self.revision}.jar"


def read_lock_file() -> list[Jar]:
    """Jars of the lock file in its order, which is that of the class path."""
    lines = LOCK_FILE.read_text(encoding="utf-8").splitlines()
    return [
        Jar(sha256, *coordinates.split(":"))
        for sha256, coordinates in (line.split() for line in lines if line and not line.startswith("#"))
    ]


def jar_folder() -> Path:
    """Cache folder of the locked jars, named by the digest of the lock file."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "newsreel" / "jars" / hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:16]


def jar_paths() -> list[Path]:
    """Paths of the jars for Spark's class path. Raises DependencyError if they have not been resolved yet."""
    folder = jar_folder()
    if not _is_intact(folder):
        raise DependencyError(
            f"Delta's jars are missing from {folder}: run `python -m jobs.spark.jars` (`make setup` does)"
        )
    return [folder / jar.file_name for jar in read_lock_file()]


def resolve() -> bool:
    """Fetch the jars unless they are cached; returns whether it fetched. Safe to kill and to run concurrently.

    Raises DependencyError if Java is missing, Maven Central is unreachable, or a checksum differs from the lock file.
    """
    folder = jar_folder()
    if _is_intact(folder):
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(folder.parent / ".lock"):
        if _is_intact(folder):
            return False
        for left_over in folder.parent.glob(f"{PARTIAL}*"):
            shutil.rmtree(left_over)
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder.parent) as work:
            fetched = fetch(Path(work))
            for jar in read_lock_file():
                digest = _sha256(fetched / jar.file_name)
                if digest != jar.sha256:
                    raise DependencyError(
                        f"{jar.file_name} from Maven Central has SHA-256 {digest}, but {LOCK_FILE.name} has "
                        f"{jar.sha256}: nothing was kept; find the cause before you change the lock file"
                    )
            if folder.exists():
                shutil.rmtree(folder)  # it is damaged
            fetched.rename(folder)
    return True


def fetch(work: Path) -> Path:
    """Fetch the jars of the lock file with Ivy into a folder under `work`; returns that folder."""
    import pyspark

    (work / "ivysettings.xml").write_text(IVY_SETTINGS, encoding="utf-8")
    (work / "ivy.xml").write_text(_build_ivy_module(), encoding="utf-8")
    command = [
        str(java_home() / "bin" / "java"),
        *_build_trust_store(work),
        *("-cp", str(Path(pyspark.__file__).parent / "jars" / "*"), "org.apache.ivy.Main", "-error"),
        *(
            "-settings",
            str(work / "ivysettings.xml"),
            "-ivy",
            str(work / "ivy.xml"),
            "-cache",
            str(work / "ivy"),
        ),
        *("-confs", "default", "-retrieve", str(work / "jars" / "[artifact]-[revision].[ext]")),
    ]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=RESOLVE_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise DependencyError(
            f"Maven Central did not respond within {RESOLVE_TIMEOUT_S} s: check the network, try again"
        ) from error
    missing = [jar.file_name for jar in read_lock_file() if not (work / "jars" / jar.file_name).is_file()]
    if missing:
        message = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1].strip()
        raise DependencyError(
            f"could not fetch {', '.join(missing)} from Maven Central (Ivy: {message}): check the network, try again"
        )
    return work / "jars"


def _build_trust_store(work: Path) -> list[str]:
    """Java options that make it trust SSL_CERT_FILE, as uv and pip do; none if it is not set.

    Java has its own trust store, which often lacks the authorities that a company's network adds.
    """
    bundle = os.environ.get("SSL_CERT_FILE")
    if not bundle:
        return []
    with warnings.catch_warnings():
        # Some authorities that Debian ships violate today's rules for certificates.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        certificates = x509.load_pem_x509_certificates(Path(bundle).read_bytes())
        authorities = [pkcs12.PKCS12Certificate(certificate, None) for certificate in certificates]
    password = "changeit"  # noqa: S105 (Java's default: the file holds no secret, but must have a password)
    store = work / "authorities.p12"
    store.write_bytes(
        pkcs12.serialize_java_truststore(authorities, BestAvailableEncryption(password.encode()))
    )
    return [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={password}"]


def _build_ivy_module() -> str:
    # Not transitive: their other dependencies are among pyspark's jars, or belong to Unity Catalog.
    dependencies = "\n".join(
        f'<dependency org="{jar.organisation}" name="{jar.artifact}" rev="{jar.revision}"'
        ' transitive="false" conf="default-&gt;master"/>'
        for jar in read_lock_file()
    )
    return (
        '<ivy-module version="2.0"><info organisation="newsreel" module="jars"/>\n'
        f'<configurations><conf name="default"/></configurations>\n<dependencies>\n{dependencies}\n'
        "</dependencies></ivy-module>\n"
    )


def _is_intact(folder: Path) -> bool:
    return all(
        (folder / jar.file_name).is_file() and _sha256(folder / jar.file_name) == jar.sha256
        for jar in read_lock_file()
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_lock() -> None:
    """Rewrite the checksums of the lock file from what Maven Central serves now; run by hand after a version change."""
    with tempfile.TemporaryDirectory() as work:
        fetched = fetch(Path(work))
        digests = {jar.artifact: _sha256(fetched / jar.file_name) for jar in read_lock_file()}
    comments = [line for line in LOCK_FILE.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    rows = [
        f"{digests[jar.artifact]}  {jar.organisation}:{jar.artifact}:{jar.revision}"
        for jar in read_lock_file()
    ]
    LOCK_FILE.write_text("\n".join([*comments, *rows, ""]), encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Resolve, or rewrite the lock file; prints one line. Exit code 3 if a dependency is missing."""
    parser = argparse.ArgumentParser(prog="python -m jobs.spark.jars", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--lock", action="store_true", help="rewrite the checksums in jars.lock after a version change"
    )
    arguments = parser.parse_args(argv)
    began = time.monotonic()
    try:
        if arguments.lock:
            _write_lock()
            print(f"jars: wrote {LOCK_FILE}")
        elif resolve():
            took_s = time.monotonic() - began
            print(f"jars: {len(read_lock_file())} from Maven Central to {jar_folder()} ({took_s:.1f} s)")
        else:
            print(f"jars: there already ({jar_folder()})")
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
