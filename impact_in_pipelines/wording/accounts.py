"""Refusals about companies and their connections, in a sentence each."""

from impact_in_pipelines.wording.marking import N_

SENTENCES = {
    "company.unknown": N_("no company '%(company)s'"),
    "company.exists": N_("a company with slug '%(slug)s' or that id exists already"),
    "company.slug_invalid": N_(
        "'%(slug)s' can't be a slug: 1 to 63 of a-z, 0-9 and '-', beginning with a letter or digit"
    ),
    "company.name_empty": N_("a company needs a name"),
    "company.country_unknown": N_(
        "country '%(country)s' isn't a country's ISO 3166 code of two capital letters such as %(example)s"
    ),
    "company.inactive": N_("%(company)s is switched off: nothing is sent for it"),
    "company.still_active": N_("%(company)s is still active; deactivate it first"),
    "company.being_sent": N_(
        "%(count)s deliveries of %(company)s are being sent at this moment; try again when they have ended"
    ),
    "company.not_exported": N_(
        "everything of %(company)s must be exported, after it was deactivated, before it can be erased"
    ),
    "company.not_confirmed": N_("type %(company)s to confirm that it is to be erased"),
    "company.export_unwritable": N_("the export %(path)s can't be written: %(reason)s"),
    "participant.reference_empty": N_("say whose data is to be erased: the reference is empty"),
    "connection.credentials_missing": N_(
        "%(platform)s credentials must be exactly %(wanted)s; missing: %(missing)s"
    ),
    "connection.credentials_unknown": N_(
        "%(platform)s credentials must be exactly %(wanted)s; too much: %(unknown)s"
    ),
    "connection.credentials_mixed": N_(
        "%(platform)s credentials must be exactly %(wanted)s; missing: %(missing)s; too much: %(unknown)s"
    ),
    "connection.credential_not_text": N_("%(platform)s credentials: %(name)s must be a string"),
    "connection.credential_empty": N_("%(platform)s credentials: %(name)s is empty"),
    "connection.credential_not_printable": N_(
        "%(platform)s credentials: %(name)s must be printable ASCII without spaces around it"
    ),
    "connection.option_unknown": N_("%(platform)s has no option '%(name)s', but %(known)s"),
    "connection.client_missing": N_(
        "the %(platform)s account is set to OAuth, but its credentials have no client id and secret"
    ),
    "connection.organization_missing": N_("the %(platform)s account has no organisation id"),
    "connection.address_malformed": N_(
        "%(platform)s base URL must be http(s)://host/path without user, query or spaces"
    ),
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
