"""/api/v1/organization: its name and zone; and /api/v1/audit: who changed what."""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import organizations, policies
from accounts.models import AuditEntry, Organization
from accounts.roles import Permission, Scope
from api import numbered
from api.door import Door
from api.organization_serializers import (
    GRANT,
    AuditListOut,
    AuditQuery,
    OrganizationChange,
    OrganizationDetailOut,
    shown_entry,
    shown_organization,
)
from api.schema import ERRORS


class OneOrganization(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"PATCH": (Permission.MANAGE_ORGANIZATION,)}

    @extend_schema(operation_id="organization_get", responses={200: OrganizationDetailOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The caller's organization."""
        return Response(shown_organization(self.caller.organization))

    @extend_schema(
        operation_id="organization_change", request=OrganizationChange, responses={200: OrganizationDetailOut, **ERRORS}
    )
    def patch(self, request: Request) -> Response:
        """Change its name, its zone (which days, months and limits follow), who may join and how members log in.

        What is not sent stays.
        """
        body = OrganizationChange(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        with transaction.atomic(), self.edit(request, self._now, shown_organization) as mine:
            changed = organizations.change(
                mine,
                self.caller.actor,
                name=asked.get("name", mine.name),
                time_zone=asked.get("time_zone", mine.time_zone),
            )
            changed = policies.change(
                changed,
                self.caller.actor,
                domains=asked.get("allowed_domains", changed.allowed_domains),
                requires_two_factor=asked.get("requires_two_factor", changed.requires_two_factor),
            )
        return Response(shown_organization(changed))

    def _now(self) -> Organization:
        return Organization.objects.get(pk=self.caller.organization.pk)


class Audit(Door):
    needs = {"GET": (Permission.MANAGE_ORGANIZATION,)}

    @extend_schema(operation_id="audit_list", parameters=[AuditQuery], responses={200: AuditListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Every change in the organization, newest first: who, from where, what it was and what it became."""
        query = AuditQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        rows = AuditEntry.objects.filter(organization=self.caller.organization).select_related("actor")
        for name, lookup in (
            ("action", "action"),
            ("since", "at__gte"),
            ("until", "at__lt"),
        ):
            if name in asked:
                rows = rows.filter(**{lookup: asked[name]})
        if found_id := asked.get("object_id"):
            grant = numbered.number_of(found_id, "grant")
            rows = rows.filter(object_id=found_id) if grant is None else rows.filter(object_type=GRANT, object_id=grant)
        if actor := asked.get("actor"):
            rows = rows.filter(actor__email=actor) if "@" in actor else rows.filter(actor_key=actor)
        found, around = numbered.page(rows, asked["limit"], asked.get("cursor"), "audit", by="at")
        return Response({"object": "list", "data": [shown_entry(one) for one in found], **around})
