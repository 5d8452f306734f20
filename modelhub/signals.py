"""What the model hub asks and tells those above it, whom it does not know."""

from typing import Any

from django.dispatch import Signal

# model: asked before its files go; any true answer keeps them a while longer.
in_use = Signal()
# model: whoever holds it in memory lets go of it soon; answered with how many do.
let_go = Signal()
# Answered with the public ids in memory, one for each worker that holds it.
held = Signal()
# name: answered with the canonical name of the scheduler, or None where there is none of that name.
scheduler_named = Signal()
# Answered with the names and labels of all schedulers, as pairs.
schedulers = Signal()


def answers(signal: Signal, **facts: Any) -> list[Any]:
    """What everybody who hears it has to say; silence left out."""
    told: list[tuple[Any, Any]] = signal.send(sender=None, **facts)
    return [answer for _, answer in told if answer]
