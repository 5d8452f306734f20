"""Amounts as people read them."""

from django import template

from accounts.quotas import Allowance, size

register = template.Library()


register.filter("size", size)


@register.filter
def amount(value: float | None, name: str) -> str:
    """A limit's value by the limit's name: 1.5 GB, 12,000, no limit."""
    if value is None:
        return "no limit"
    return size(value) if name == "stored_bytes" else f"{round(value, 1):,}".removesuffix(".0")


@register.filter
def full(bar: Allowance) -> bool:
    """Whether at least nine tenths are used. To run as many jobs as one may is no alarm."""
    if bar.limit is None or bar.name == "running_jobs":
        return False
    return bar.used >= 0.9 * bar.limit
