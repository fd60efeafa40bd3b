"""Who of Alice's organization may use which operation on scheduled exports; everybody else there gets 403."""

_MANAGE = {"owner", "admin", "management key"}

MAY = {
    "scheduled_exports_list": _MANAGE,
    "scheduled_exports_create": _MANAGE,
    "scheduled_exports_get": _MANAGE,
    "scheduled_exports_change": _MANAGE,
    "scheduled_exports_remove": _MANAGE,
    "scheduled_exports_run": _MANAGE,
    "export_files_list": _MANAGE,
}
