"""Models on their way here: rows that threads of the download cluster work at."""

from modelhub.downloads.asking import Asked, WrongState, cancel, forget, resume, start

__all__ = ["Asked", "WrongState", "cancel", "forget", "resume", "start"]
