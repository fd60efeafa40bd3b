"""What operators see of accounts; keys and organizations change through the room's verbs."""

from typing import Any
from zoneinfo import available_timezones

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit, keys, organizations
from accounts.actor import Actor
from accounts.models import (
    AccountDeletion,
    ApiKey,
    ApiKeySecret,
    AuditEntry,
    IdempotentRequest,
    Invitation,
    Membership,
    Organization,
    Preset,
    Project,
    ProjectMembership,
    User,
)
from foundation.facts_admin import FactsAdmin, KeptAdmin


def actor(request: HttpRequest) -> Actor:
    """The operator, as the audit log names people."""
    assert isinstance(request.user, User)
    return Actor(request.user, address=request.META.get("REMOTE_ADDR", ""))


class NewUserForm(BaseUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")


class UserForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(BaseUserAdmin):
    form = UserForm
    add_form = NewUserForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name", "public_id")
    readonly_fields = ("public_id", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "name", "public_id")}),
        ("Settings", {"fields": ("time_zone", "language", "number_format")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "name", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Facts point to people: they are deactivated instead."""
        return False


class OrganizationForm(forms.ModelForm):
    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name not in available_timezones():
            raise forms.ValidationError("Not an IANA time zone such as Asia/Shanghai.")
        return name


class Members(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at",)


@admin.register(Organization)
class OrganizationAdmin(KeptAdmin):
    form = OrganizationForm
    list_display = ("name", "public_id", "time_zone", "created_at", "confirmed_at", "suspended_at")
    list_filter = (
        ("suspended_at", admin.EmptyFieldListFilter),
        ("confirmed_at", admin.EmptyFieldListFilter),
        "keys_can_be_revealed",
    )
    search_fields = ("name", "public_id", "memberships__user__email")
    fields = (
        "name", "public_id", "time_zone", "keys_can_be_revealed", "created_at", "confirmed_at", "suspended_at",
        "suspended_reason",
    )  # fmt: skip
    readonly_fields = ("public_id", "created_at", "suspended_at", "suspended_reason")
    inlines = (Members,)
    actions = ("suspend", "restore")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Organizations open with a plan, at sign-up: that is billing's verb."""
        return False

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data:
            changes = {name: str(form.cleaned_data[name]) for name in form.changed_data}
            audit.record("organization.changed", obj, actor(request), organization=obj, changes=changes)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        by = actor(request)
        for membership in formset.new_objects:
            audit.record("member.added", membership, by, changes={"role": membership.role})
        for membership, _ in formset.changed_objects:
            audit.record("member.changed", membership, by, changes={"role": membership.role})
        for membership in formset.deleted_objects:
            audit.record("member.removed", membership, by)

    @admin.action(description="Suspend: keys stop on the next request", permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        for organization in queryset:
            organizations.suspend(organization, "Suspended by the operator.", actor(request))

    @admin.action(description="End the suspension", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        for organization in queryset:
            organizations.restore(organization, actor(request))


@admin.register(Membership)
class MembershipAdmin(FactsAdmin):
    """Members are edited at their organization."""

    list_display = ("user", "organization", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "organization__name", "organization__public_id")


@admin.register(Invitation)
class InvitationAdmin(FactsAdmin):
    list_display = ("email", "organization", "role", "invited_by", "created_at", "expires_at", "accepted_at")
    list_filter = ("role", ("accepted_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization", "invited_by")
    search_fields = ("email", "organization__name")
    exclude = ("fingerprint",)


class ProjectMembers(admin.TabularInline):
    model = ProjectMembership
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at",)


@admin.register(Project)
class ProjectAdmin(KeptAdmin):
    list_display = ("name", "public_id", "organization", "created_at", "archived_at", "deleted_at")
    list_filter = (("archived_at", admin.EmptyFieldListFilter),)
    list_select_related = ("organization",)
    search_fields = ("name", "public_id", "organization__name", "organization__public_id")
    fields = ("name", "public_id", "organization", "created_at", "archived_at", "deleted_at")
    inlines = (ProjectMembers,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("public_id", "created_at", "organization") if obj else ("public_id", "created_at")

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("organization",)


@admin.register(ProjectMembership)
class ProjectMembershipAdmin(FactsAdmin):
    list_display = ("user", "project", "created_at")
    list_select_related = ("user", "project")
    search_fields = ("user__email", "project__name", "project__public_id")


@admin.register(Preset)
class PresetAdmin(FactsAdmin):
    """Without prompts and messages: those are the customer's."""

    list_display = ("name", "public_id", "organization", "project", "model", "updated_at", "deleted_at")
    list_select_related = ("organization", "project")
    search_fields = ("name", "public_id", "organization__name", "organization__public_id")
    fields = (
        "name",
        "public_id",
        "organization",
        "project",
        "model",
        "version",
        "created_at",
        "updated_at",
        "deleted_at",
    )


@admin.register(ApiKey)
class ApiKeyAdmin(FactsAdmin):
    """Operators stop keys; they do not make or change them for customers."""

    list_display = ("name", "public_id", "hint", "organization", "project", "state", "created_at", "expires_at")
    list_filter = (
        ("revoked_at", admin.EmptyFieldListFilter),
        ("disabled_at", admin.EmptyFieldListFilter),
        "is_playground",
    )
    list_select_related = ("organization", "project")
    search_fields = ("name", "public_id", "organization__name", "project__name", "secrets__last_four")
    actions = ("disable", "enable", "revoke")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).prefetch_related("secrets")

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apikey")

    @admin.display(description="status")
    def state(self, api_key: ApiKey) -> str:
        return api_key.status()

    def _each(self, request: HttpRequest, queryset: QuerySet[ApiKey], verb: Any) -> None:
        for api_key in queryset:
            try:
                verb(api_key, actor(request))
            except ValidationError as error:
                messages.error(request, f"{api_key}: {' '.join(error.messages)}")

    @admin.action(description="Disable", permissions=["stop"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self._each(request, queryset, keys.disable)

    @admin.action(description="Enable", permissions=["stop"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self._each(request, queryset, keys.enable)

    @admin.action(description="Revoke for good", permissions=["stop"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self._each(request, queryset, keys.revoke)


@admin.register(ApiKeySecret)
class ApiKeySecretAdmin(FactsAdmin):
    list_display = ("__str__", "api_key", "created_at", "ends_at")
    list_filter = (("ends_at", admin.EmptyFieldListFilter),)
    list_select_related = ("api_key",)
    search_fields = ("last_four", "api_key__name", "api_key__public_id")
    exclude = ("fingerprint", "sealed")


@admin.register(AuditEntry)
class AuditEntryAdmin(FactsAdmin):
    list_display = ("at", "action", "object_type", "object_name", "actor", "actor_key", "organization", "address")
    list_filter = ("action", "object_type")
    list_select_related = ("actor", "organization")
    search_fields = ("object_id", "object_name", "actor__email", "actor_key", "organization__name", "address")


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(FactsAdmin):
    list_display = ("created_at", "organization", "credential", "key", "status", "had_secret")
    list_filter = ("status", "had_secret")
    list_select_related = ("organization",)
    search_fields = ("key", "credential", "organization__name")
    exclude = ("fingerprint", "sealed")


@admin.register(AccountDeletion)
class AccountDeletionAdmin(FactsAdmin):
    list_display = ("user", "asked_at", "ends_at")
    list_filter = ("ends_at",)
    list_select_related = ("user",)
    search_fields = ("user__email",)


# allauth's own page shows and changes the secret.
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(FactsAdmin):
    """Who lost a second factor gets in again when the operator deletes it."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    exclude = ("data",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


# allauth's own page searches for a user name, which nobody has here.
admin.site.unregister(UserSession)


@admin.register(UserSession)
class UserSessionAdmin(FactsAdmin):
    list_display = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")
    exclude = ("session_key", "data")
