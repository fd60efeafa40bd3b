"""/api/v1/scheduled-exports: files of each day to a bucket, and what became of them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import Answer
from accounts.roles import Permission
from api import faults, numbered
from api.door import Door
from api.envelopes import RemovedOut
from api.export_serializers import (
    ExportFileListOut,
    ExportRunOut,
    ScheduledExportChange,
    ScheduledExportCreate,
    ScheduledExportListOut,
    ScheduledExportOut,
    ScheduledExportRun,
    shown,
    shown_file,
)
from api.once import ONCE
from api.paging import PageQuery, page
from api.schema import ERRORS
from billing import exports
from billing.exports import Target
from billing.models import ExportFile, ExportPlace, ScheduledExport

# For looking as well: it says where the books go.
_MAY = (Permission.MANAGE_ORGANIZATION,)


def _one(export: ScheduledExport) -> dict[str, Any]:
    return shown([export])[0]


class _ExportDoor(Door):
    needs = {"GET": _MAY, "POST": _MAY, "PATCH": _MAY, "DELETE": _MAY}

    def every(self) -> Any:
        """Those that were not removed."""
        return ScheduledExport.objects.not_removed().filter(organization=self.caller.organization)

    def export(self, export_id: str) -> ScheduledExport:
        """404 for one that is not there."""
        found: ScheduledExport | None = self.every().select_related("organization").filter(public_id=export_id).first()
        if found is None:
            raise faults.not_found("scheduled export")
        return found

    def own(self, export_id: str) -> ScheduledExport:
        """One that the organization set itself; 403 for one that is the operator's."""
        found = self.export(export_id)
        if found.place == ExportPlace.DIRECTORY:
            raise faults.forbidden("The operator set this export and alone changes it.")
        return found


class ScheduledExports(_ExportDoor):
    @extend_schema(
        operation_id="scheduled_exports_list",
        parameters=[PageQuery],
        responses={200: ScheduledExportListOut, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        """The exports, newest first, those that are off included."""
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, ever = query.validated_data, ScheduledExport.objects.filter(organization=self.caller.organization)
        found, around = page(self.every(), asked["limit"], asked.get("cursor"), among=ever)
        return Response({"object": "list", "data": shown(found), **around})

    @extend_schema(
        operation_id="scheduled_exports_create",
        parameters=ONCE,
        request=ScheduledExportCreate,
        responses={201: ScheduledExportOut, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Write every day from `first_day` on into a bucket, each when it is over."""
        body = ScheduledExportCreate(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        names = ("bucket", "region", "endpoint", "prefix", "access_key_id", "secret_access_key")
        target = Target(**{name: asked[name] for name in names})

        def work() -> Answer:
            made = exports.to_bucket(
                self.caller.organization,
                target,
                self.caller.actor,
                contents=asked["contents"],
                format_=asked["format"],
                first_day=asked.get("first_day"),
            )
            return Answer(201, shown([made])[0])

        return self.once(request, work)


class OneScheduledExport(_ExportDoor):
    @extend_schema(operation_id="scheduled_exports_get", responses={200: ScheduledExportOut, **ERRORS})
    def get(self, request: Request, export_id: str) -> Response:
        """One export: what was written last, what waits, and which day is next."""
        return Response(shown([self.export(export_id)])[0])

    @extend_schema(
        operation_id="scheduled_exports_change",
        request=ScheduledExportChange,
        responses={200: ScheduledExportOut, **ERRORS},
    )
    def patch(self, request: Request, export_id: str) -> Response:
        """Change what is written or with which access key, or switch it off and on; what is not sent stays."""
        self.own(export_id)
        body = ScheduledExportChange(data=request.data)
        body.is_valid(raise_exception=True)
        with self.edit(request, lambda: self.own(export_id), _one) as export:
            changed = exports.change(export, self.caller.actor, **body.validated_data)
        return Response(_one(changed))

    @extend_schema(operation_id="scheduled_exports_remove", responses={200: RemovedOut, **ERRORS})
    def delete(self, request: Request, export_id: str) -> Response:
        """End it and forget its secret; what was written stays in the bucket."""
        with self.edit(request, lambda: self.own(export_id), _one) as export:
            exports.remove(export, self.caller.actor)
        return Response({"object": "scheduled_export", "id": export_id, "deleted": True})


class RunScheduledExport(_ExportDoor):
    @extend_schema(
        operation_id="scheduled_exports_run",
        parameters=ONCE,
        request=ScheduledExportRun,
        responses={200: ExportRunOut, **ERRORS},
    )
    def post(self, request: Request, export_id: str) -> Response:
        """Write a day again, within a minute: the newest that is over, or another one."""
        export = self.export(export_id)
        body = ScheduledExportRun(data=request.data)
        body.is_valid(raise_exception=True)

        def work() -> Answer:
            files = exports.run_now(export, self.caller.actor, body.validated_data.get("day"))
            return Answer(200, {"object": "export_run", "data": [shown_file(one) for one in files]})

        return self.once(request, work)


class ExportFiles(_ExportDoor):
    @extend_schema(
        operation_id="export_files_list", parameters=[PageQuery], responses={200: ExportFileListOut, **ERRORS}
    )
    def get(self, request: Request, export_id: str) -> Response:
        """Every file of an export with its sums and checksum, the one that became due last first."""
        export = self.export(export_id)
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = ExportFile.objects.filter(export=export)
        found, around = numbered.page(rows, query.validated_data["limit"], query.validated_data.get("cursor"), "file")
        return Response({"object": "list", "data": [shown_file(one) for one in found], **around})
