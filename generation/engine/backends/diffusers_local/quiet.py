"""What the libraries say unasked is neither for the logs nor for whoever waits at a terminal."""

import diffusers
import transformers


def quieten() -> None:
    """Their warnings quote prompts and their bars fill logs; what matters is raised."""
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
