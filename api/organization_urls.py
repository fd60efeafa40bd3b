"""URLs under /api/ of the organization: projects, people and the record of changes."""

from django.urls import path

from api import ids, members, organization, projects

for name, prefix in (("project_id", "proj"), ("user_id", "user"), ("invitation_id", "inv")):
    ids.register(name, prefix)

_PROJECT = "v1/projects/<project_id:project_id>"
_INVITATION = "v1/invitations/<invitation_id:invitation_id>"

urlpatterns = [
    path("v1/organization", organization.OneOrganization.as_view(), name="api-organization"),
    path("v1/audit", organization.Audit.as_view(), name="api-audit"),
    path("v1/projects", projects.Projects.as_view(), name="api-projects"),
    path(_PROJECT, projects.OneProject.as_view(), name="api-project"),
    path(f"{_PROJECT}/archive", projects.Archive.as_view(), name="api-project-archive"),
    path(f"{_PROJECT}/restore", projects.Restore.as_view(), name="api-project-restore"),
    path(f"{_PROJECT}/members", projects.Developers.as_view(), name="api-project-members"),
    path(f"{_PROJECT}/members/<user_id:user_id>", projects.Developer.as_view(), name="api-project-member"),
    path("v1/members", members.Members.as_view(), name="api-members"),
    path("v1/members/<user_id:user_id>", members.Member.as_view(), name="api-member"),
    path("v1/invitations", members.Invitations.as_view(), name="api-invitations"),
    path(_INVITATION, members.OneInvitation.as_view(), name="api-invitation"),
    path(f"{_INVITATION}/resend", members.Resend.as_view(), name="api-invitation-resend"),
]
