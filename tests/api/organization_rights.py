"""Who of Alice's organization may use which operation on projects and people; everybody else there gets 403."""

PEOPLE = ("owner", "admin", "developer", "billing", "viewer")
OWN = (*PEOPLE, "management key", "usage key", "chat key", "ingest key")
_SEE = {*PEOPLE, "management key", "usage key"}
_MEMBERS = {*PEOPLE, "management key"}
_MANAGE = {"owner", "admin", "management key"}

MAY = {
    "organization_get": _SEE,
    "organization_change": _MANAGE,
    "audit_list": _MANAGE,
    "projects_list": _SEE,
    "projects_create": _MANAGE,
    "projects_get": _SEE,
    "projects_rename": _MANAGE,
    "projects_delete": _MANAGE,
    "projects_archive": _MANAGE,
    "projects_restore": _MANAGE,
    "project_members_list": _MANAGE,
    "project_members_add": _MANAGE,
    "project_members_remove": _MANAGE,
    "members_list": _MEMBERS,
    "members_get": _MEMBERS,
    "members_change": _MANAGE,
    "members_remove": _MANAGE,
    "invitations_list": _MANAGE,
    "invitations_create": _MANAGE,
    "invitations_withdraw": _MANAGE,
    "invitations_resend": _MANAGE,
}
