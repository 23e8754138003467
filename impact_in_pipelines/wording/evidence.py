"""Refusals of evidence, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "evidence.span_backwards": N_("the last day (%(last)s) lies before the first (%(first)s)"),
    "evidence.not_an_archive": N_("%(file)s is no archive of evidence"),
    "evidence.no_heads": N_("%(file)s has no published heads in it"),
}
