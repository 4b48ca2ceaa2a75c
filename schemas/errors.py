"""The one error tree of the project.

NewsreelError                  anything we say on purpose
├── InputError                 exit 2   wrong use, or input that cannot be read
├── NotFoundError              exit 1   the answer is no: no such thing
├── LogInError                 exit 3   who asks is not known, or no longer
├── ForbiddenError             exit 3   who asks is known, and may not
├── DependencyError            exit 3   a program, server or package is missing or unreachable
├── StorageError               exit 3   a disk is full, or a folder of ours cannot be written
├── ConflictError              exit 3   somebody else writes the same thing, or state does not fit
└── StageError                 exit 3   a stage of a run could not do its work
    ├── MediaToolError         exit 3   ffmpeg, ffprobe or the packager failed
    └── QualityError           exit 3   an expectation suite found rows that must not be published

A message says what was wrong, where, and what to do; it fits one line and carries no secret.
"""

from __future__ import annotations

import errno


class NewsreelError(Exception):
    """Base of all errors that we raise on purpose; `kind` and `exit_code` are what scripts see."""

    kind = "error"
    exit_code = 3

    @property
    def detail(self) -> str:
        """The message, in one line."""
        return " ".join(str(self).split())


class InputError(NewsreelError):
    """Wrong use, or input that cannot be read."""

    kind = "input"
    exit_code = 2


class NotFoundError(NewsreelError):
    """There is no such video, table or user."""

    kind = "not_found"
    exit_code = 1


class LogInError(NewsreelError):
    """Who asks has no session, or one that has ended."""

    kind = "log_in"


class ForbiddenError(NewsreelError):
    """Who asks may see the thing, and not do this with it."""

    kind = "forbidden"


class DependencyError(NewsreelError):
    """A program, server or package is missing or unreachable; the message says which and how to get it."""

    kind = "dependency"


class StorageError(NewsreelError):
    """A disk is full, or a folder of ours cannot be written; the message says which."""

    kind = "storage"

    @classmethod
    def of(cls, error: OSError) -> StorageError:
        """What the operating system refused, with what to do about it."""
        where = f"{error.filename}: " if error.filename else ""
        return cls(
            f"{where}{error.strerror or error}; {_REMEDIES.get(error.errno or 0, 'mend that and try again')}"
        )


_FULL = "make room there, then try again: what is done stays done"
_CLOSED = "let this user write there, or set NEWSREEL_HOME to another folder"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EROFS: _CLOSED,
}


class ConflictError(NewsreelError):
    """Somebody else writes the same thing at the same time, or stored state does not fit."""

    kind = "conflict"


class StageError(NewsreelError):
    """A stage of a run could not do its work."""

    kind = "stage"


class MediaToolError(StageError):
    """ffmpeg, ffprobe or the packager failed; the message carries the end of what it said."""

    kind = "media_tool"


class QualityError(StageError):
    """Rows that were written break their table's expectations, and must not be published."""

    kind = "quality"
