"""URLs under /api/ of scheduled exports."""

from django.urls import path

from api import ids, scheduled_exports

ids.register("export_id", "exp")

_EXPORT = "v1/scheduled-exports/<export_id:export_id>"

urlpatterns = [
    path("v1/scheduled-exports", scheduled_exports.ScheduledExports.as_view(), name="api-scheduled-exports"),
    path(_EXPORT, scheduled_exports.OneScheduledExport.as_view(), name="api-scheduled-export"),
    path(f"{_EXPORT}/run", scheduled_exports.RunScheduledExport.as_view(), name="api-scheduled-export-run"),
    path(f"{_EXPORT}/files", scheduled_exports.ExportFiles.as_view(), name="api-export-files"),
]
