"""Refusals about files of impact events, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "events_file.unreadable": N_("%(path)s can't be read: %(reason)s"),
    "events_file.empty": N_("%(path)s is empty; its first line must be %(header)s"),
    "events_file.header": N_(
        "%(path)s must begin with the header %(header)s; it begins with '%(found)s'"
    ),
    "events_file.kind": N_("%(path)s is %(kind)s, not CSV; save it as CSV in UTF-8"),
    "events_file.quoted_lines": N_(
        "%(path)s has each line in quotes, as one column; open it with the comma as separator and save "
        "it again"
    ),
    "events_file.encoding": N_(
        "%(path)s isn't %(encoding)s: line %(line)s has the byte %(byte)s; save it as UTF-8 and import "
        "it again"
    ),
    "rejects_file.unwritable": N_("the rejects file %(path)s can't be written: %(reason)s"),
    "upload.unknown": N_("no upload %(upload)s"),
    "upload.decided": N_("%(name)s was imported or discarded already"),
    "upload.too_many": N_(
        "%(waiting)s files await a decision already; import or discard one of them first"
    ),
    "upload.under_way": N_(
        "another file of the company is being checked; try again when that is done"
    ),
    "upload.too_large": N_(
        "the file is larger than %(megabytes)s MB; split it, or have the limit raised"
    ),
}
