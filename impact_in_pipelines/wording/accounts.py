"""Refusals about companies and their connections, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "company.unknown": N_("no company '%(company)s'"),
    "company.exists": N_("a company with slug '%(slug)s' or that id exists already"),
    "connection.missing": N_("%(company)s has no usable connection to %(platform)s"),
}
