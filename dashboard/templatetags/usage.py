"""Figures of usage on pages."""

from datetime import date

from django import template

from dashboard import figures
from dashboard.figures import Metric
from dashboard.templatetags.console import count
from dashboard.usage_chart import Chart
from foundation.money import usd_string

register = template.Library()


@register.filter
def span(first: date, last: date) -> str:
    """25 Oct – 23 Nov 2026."""
    return figures.span(first, last)


@register.filter
def places(nano: int, number: int) -> str:
    """An amount in a column of so many decimal places."""
    return figures.usd_places(nano, number)


@register.filter
def cell(value: int, chart: Chart) -> str:
    """A figure in the table of a chart."""
    return figures.usd_places(value, chart.places) if chart.metric.name == "cost" else count(value)


@register.filter
def raw(value: int, metric: Metric) -> str:
    """Every digit, for machines: USD as a decimal, or the whole number."""
    return usd_string(value) if metric.name == "cost" else str(value)


@register.filter
def shown(value: int, metric: Metric) -> str:
    """A figure by itself."""
    return metric.show(value)
