"""Settings, Data: what is kept about the person, and a copy of it."""

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import AccountDeletion, User
from dashboard import personal_archive, personal_data
from dashboard.access import logged_in


@require_safe
@logged_in
def data(request: HttpRequest) -> HttpResponse:
    """What is kept, and what is not."""
    assert isinstance(request.user, User)
    asked = AccountDeletion.objects.filter(user=request.user).first()
    return render(request, "dashboard/settings_data.html", {"asked": asked})


@never_cache
@require_safe
@logged_in
def archive(request: HttpRequest) -> FileResponse:
    """The person's own data as a ZIP of JSON and CSV."""
    assert isinstance(request.user, User)
    name = f"{settings.SITE_NAME}-{request.user.public_id}.zip".replace(" ", "-").lower()
    return FileResponse(personal_archive.of(request.user), as_attachment=True, filename=name)


@never_cache
@require_safe
@logged_in
def export(request: HttpRequest) -> HttpResponse:
    """The person's own data as a JSON file."""
    assert isinstance(request.user, User)
    response = JsonResponse(personal_data.of(request.user), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{request.user.public_id}.json"'
    return response
