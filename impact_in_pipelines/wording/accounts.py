"""Refusals about companies and their connections, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "company.unknown": N_("no company '%(company)s'"),
    "company.exists": N_("a company with slug '%(slug)s' or that id exists already"),
    "company.slug_invalid": N_(
        "'%(slug)s' can't be a slug: 1 to 63 of a-z, 0-9 and '-', beginning with a letter or digit"
    ),
    "company.name_empty": N_("a company needs a name"),
    "connection.meant_elsewhere": N_(
        "the stored credentials of %(company)s for %(platform)s were entered for another address; "
        "enter them again with the new one"
    ),
    "connection.address_not_encrypted": N_(
        "%(url)s isn't https, and its host isn't among those that the operator allows"
    ),
    "connection.address_not_public": N_(
        "%(url)s leads to an address that isn't public, nor among those that the operator allows"
    ),
    "vault.no_key_fits": N_("a stored secret can't be decrypted with the present keys"),
    "connection.missing": N_("%(company)s has no usable connection to %(platform)s"),
}
