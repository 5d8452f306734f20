"""What a run measured beside passing or failing, said at its end, from whichever process it ran in."""

from typing import Any

import pytest

FIGURES = pytest.StashKey[list[str]]()
SENT = "figures"


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines that the end of the run shows."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[SENT] = session.config.stash.get(FIGURES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """xdist: one of the processes that share the run has ended."""
    sent = getattr(node, "workeroutput", {}).get(SENT, [])
    node.config.stash.setdefault(FIGURES, []).extend(sent)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in terminalreporter.config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)
