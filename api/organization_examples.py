"""Examples of the organization in the OpenAPI description, by operation."""

from typing import Any

_LAST = {"has_more": False, "next_cursor": None}
_PROJECT_ID, _USER_ID = "proj_D3nVq8YhJk5SfT2aZx6M", "user_Xk2Pq7LmB9wRt4Yc8NzE"
_ORGANIZATION: dict[str, Any] = {
    "object": "organization",
    "id": "org_Bq4Tz8WnRk2YvH6sLc1J",
    "name": "Example Ltd",
    "time_zone": "Asia/Shanghai",
    "created_at": "2026-10-01T08:00:00Z",
    "suspended_at": None,
    "secrets_can_be_copied": False,
    "allowed_domains": ["example.com"],
    "requires_two_factor": False,
}
_PROJECT: dict[str, Any] = {
    "object": "project",
    "id": _PROJECT_ID,
    "name": "Storefront",
    "status": "active",
    "created_at": "2026-10-01T08:00:00Z",
    "archived_at": None,
}
_ARCHIVED = {**_PROJECT, "status": "archived", "archived_at": "2026-11-24T12:00:00Z"}
_MEMBER: dict[str, Any] = {
    "object": "member",
    "user_id": _USER_ID,
    "email": "mei@example.com",
    "name": "Mei Lin",
    "role": "developer",
    "since": "2026-10-02T09:15:00Z",
}
_DEVELOPER: dict[str, Any] = {
    "object": "project_member",
    "project_id": _PROJECT_ID,
    "user_id": _USER_ID,
    "email": "mei@example.com",
    "name": "Mei Lin",
    "since": "2026-10-02T09:20:00Z",
}
_INVITATION: dict[str, Any] = {
    "object": "invitation",
    "id": "inv_Yt5Rw3QnKc8LmZ2xVb7H",
    "email": "tom@example.com",
    "role": "developer",
    "project_ids": [_PROJECT_ID],
    "sent_at": "2026-11-24T12:00:00Z",
    "expires_at": "2026-12-01T12:00:00Z",
}
_SENT = {**_INVITATION, "mail_sent": True}
_ENTRY: dict[str, Any] = {
    "object": "audit_entry",
    "id": "audit_4711",
    "at": "2026-11-24T12:00:00Z",
    "action": "project.renamed",
    "actor_email": None,
    "actor_key_id": "key_Kf5Wc9XdNb3GpM7rTj2S",
    "address": "203.0.113.7",
    "object_type": "Project",
    "object_id": _PROJECT_ID,
    "object_name": "Storefront",
    "changes": {"name": ["Shop", "Storefront"]},
}


def _listed(*found: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": list(found), **_LAST}


ANSWERS: dict[str, Any] = {
    "organization_get": _ORGANIZATION,
    "organization_change": _ORGANIZATION,
    "audit_list": _listed(_ENTRY),
    "projects_list": _listed(_PROJECT),
    "projects_create": _PROJECT,
    "projects_get": _PROJECT,
    "projects_rename": _PROJECT,
    "projects_delete": {"object": "project", "id": _PROJECT_ID, "deleted": True},
    "projects_archive": _ARCHIVED,
    "projects_restore": _PROJECT,
    "project_members_list": _listed(_DEVELOPER),
    "project_members_add": _DEVELOPER,
    "project_members_remove": {"object": "project_member", "id": _USER_ID, "deleted": True, "keys_revoked": 1},
    "members_list": _listed(_MEMBER),
    "members_get": _MEMBER,
    "members_change": {**_MEMBER, "role": "viewer", "keys_revoked": 2},
    "members_remove": {"object": "member", "id": _USER_ID, "deleted": True, "keys_revoked": 2},
    "invitations_list": _listed(_INVITATION),
    "invitations_create": _SENT,
    "invitations_withdraw": {"object": "invitation", "id": _INVITATION["id"], "deleted": True},
    "invitations_resend": _SENT,
}

BODIES: dict[str, Any] = {
    "organization_change": {"time_zone": "Asia/Shanghai"},
    "projects_create": {"name": "Storefront"},
    "projects_rename": {"name": "Storefront"},
    "project_members_add": {"user_id": _USER_ID},
    "members_change": {"role": "viewer"},
    "invitations_create": {"email": "tom@example.com", "role": "developer", "project_ids": [_PROJECT_ID]},
}
