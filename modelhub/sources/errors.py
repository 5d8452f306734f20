"""What can go wrong with a source, in words that hold no secret and no URL's query.

SourceFailed            400 source_failed
├── NotThere            source_not_found
├── TokenNeeded         source_token_needed
├── NotAFile            source_sent_a_page
├── NotUsable           unsupported_model_format
├── TooMuch             source_too_much
├── Changed             source_changed
└── Later               source_busy: worth another try
"""

from accounts.problems import Invalid
from modelhub import fetcher


class SourceFailed(Invalid):
    code = "source_failed"


class NotThere(SourceFailed):
    code = "source_not_found"


class TokenNeeded(SourceFailed):
    code = "source_token_needed"


class NotAFile(SourceFailed):
    """A page for people where a file was asked for: most often the one to sign in on."""

    code = "source_sent_a_page"


class NotUsable(SourceFailed):
    code = "unsupported_model_format"


class TooMuch(SourceFailed):
    """More files, parts or words than any model has."""

    code = "source_too_much"


class Changed(SourceFailed):
    """The file is no longer the one that the source had announced."""

    code = "source_changed"


class Later(SourceFailed):
    """Overloaded or broken for now; `seconds` is how long it asked to be left alone."""

    code = "source_busy"

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


# A line that broke, a server that is away or slow: the next try may do better.
PASSING = (Later, fetcher.TimedOut, fetcher.Unreachable, fetcher.BadReply)
