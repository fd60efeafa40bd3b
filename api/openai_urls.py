"""URLs under /v1/organization/ that the gateway leaves to Django; the two reports are the gateway's."""

from django.urls import path, re_path

from api.openai_keys import AdminKey, AdminKeys, ProjectKey, ProjectKeys
from api.openai_people import Invite, Invites, OneUser, Users
from api.openai_projects import OpenAIArchive, OpenAIProject, OpenAIProjects
from api.unknown import Unknown

urlpatterns = [
    path("admin_api_keys", AdminKeys.as_view()),
    path("admin_api_keys/<str:key_id>", AdminKey.as_view()),
    path("projects", OpenAIProjects.as_view()),
    path("projects/<str:project_id>", OpenAIProject.as_view()),
    path("projects/<str:project_id>/archive", OpenAIArchive.as_view()),
    path("projects/<str:project_id>/api_keys", ProjectKeys.as_view()),
    path("projects/<str:project_id>/api_keys/<str:key_id>", ProjectKey.as_view()),
    path("users", Users.as_view()),
    path("users/<str:user_id>", OneUser.as_view()),
    path("invites", Invites.as_view()),
    path("invites/<str:invitation_id>", Invite.as_view()),
    re_path(".*", Unknown.as_view()),
]
