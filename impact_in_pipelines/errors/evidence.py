"""Refusals of evidence: a span that ends before it begins, and files that aren't what they should be."""

from datetime import date
from pathlib import Path

from impact_in_pipelines.errors.base import ImpactInError, UsageError, refusal


@refusal("evidence.span_backwards")
class SpanBackwards(UsageError):
    """A span that ends before it begins."""

    first: date
    last: date


@refusal("evidence.not_an_archive")
class NotAnArchive(ImpactInError):
    """A file that is no archive of evidence."""

    file: Path


@refusal("evidence.no_heads")
class NoHeads(ImpactInError):
    """A file that has no published heads."""

    file: Path
