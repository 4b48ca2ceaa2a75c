"""The one error tree of the project.

NewsreelError                  every error that is raised on purpose
├── InputError                 exit 2   wrong use, or unreadable input
├── NotFoundError              exit 1   no such video, table or user
├── LogInError                 exit 3   not authenticated, or not any more
├── ForbiddenError             exit 3   authenticated, but not permitted
├── DependencyError            exit 3   a program, server or package is missing or unreachable
├── StorageError               exit 3   a disk is full, or a folder is not writable
├── ConflictError              exit 3   a concurrent writer, or stored state that does not fit
└── StageError                 exit 3   a stage of a run failed
    ├── MediaToolError         exit 3   ffmpeg, ffprobe or the packager failed
    └── QualityError           exit 3   rows violate an expectation suite and must not be published

A message says what is wrong, where, and what to do; it fits one line and contains no secret.
Tests: tests/newsreel/test_command.py.
"""

from __future__ import annotations

import errno


class NewsreelError(Exception):
    """Base of all errors that are raised on purpose; scripts see `kind` and `exit_code`."""

    kind = "error"
    exit_code = 3

    @property
    def detail(self) -> str:
        """The message, in one line."""
        return " ".join(str(self).split())


class InputError(NewsreelError):
    """Wrong use, or unreadable input."""

    kind = "input"
    exit_code = 2


class NotFoundError(NewsreelError):
    """No such video, table or user."""

    kind = "not_found"
    exit_code = 1


class LogInError(NewsreelError):
    """The caller has no session, or one that has ended."""

    kind = "log_in"


class ForbiddenError(NewsreelError):
    """The caller may see the object, but is not permitted this action on it."""

    kind = "forbidden"


class DependencyError(NewsreelError):
    """A program, server or package is missing or unreachable; the message says which and how to get it."""

    kind = "dependency"


class StorageError(NewsreelError):
    """A disk is full, or a folder is not writable; the message says which."""

    kind = "storage"

    @classmethod
    def from_os_error(cls, error: OSError) -> StorageError:
        """The operating system's refusal, with what to do about it."""
        where = f"{error.filename}: " if error.filename else ""
        remedy = _REMEDIES.get(error.errno or 0, "fix that and try again")
        return cls(f"{where}{error.strerror or error}; {remedy}")


_FULL = "free some space, then try again: finished work is kept"
_CLOSED = "make it writable for this user, or set NEWSREEL_HOME to another folder"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EROFS: _CLOSED,
}


class ConflictError(NewsreelError):
    """Another process writes the same thing at the same time, or stored state does not fit."""

    kind = "conflict"


class StageError(NewsreelError):
    """A stage of a run failed."""

    kind = "stage"


class MediaToolError(StageError):
    """ffmpeg, ffprobe or the packager failed; the message ends with the last words of its output."""

    kind = "media_tool"


class QualityError(StageError):
    """Rows violate their table's expectations and must not be published."""

    kind = "quality"
