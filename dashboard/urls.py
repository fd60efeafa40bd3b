"""The console's pages."""

from django.urls import path

from dashboard.views import keys, models, overview, playground, preferences, projects, usage

app_name = "dashboard"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("welcome/", preferences.welcome, name="welcome"),
    path("organizations/<str:organization>/switch/", preferences.switch, name="switch"),
    path("theme/<str:name>/", preferences.theme, name="theme"),
    path("keys/", keys.listing, name="keys"),
    path("keys/create/", keys.create, name="key-create"),
    path("keys/<str:key>/", keys.detail, name="key"),
    path("keys/<str:key>/rename/", keys.rename, name="key-rename"),
    path("keys/<str:key>/restrict/", keys.restrict, name="key-restrict"),
    path("keys/<str:key>/regenerate/", keys.regenerate, name="key-regenerate"),
    path("keys/<str:key>/stop-old/", keys.stop_old, name="key-stop-old"),
    path("keys/<str:key>/revoke/", keys.revoke, name="key-revoke"),
    path("keys/<str:key>/disable/", keys.disable, name="key-disable"),
    path("keys/<str:key>/enable/", keys.enable, name="key-enable"),
    path("keys/<str:key>/reveal/", keys.reveal, name="key-reveal"),
    path("usage/", usage.usage, name="usage"),
    path("usage/export.csv", usage.export, name="usage-export"),
    path("models/", models.models, name="models"),
    path("projects/", projects.listing, name="projects"),
    path("projects/create/", projects.create, name="project-create"),
    path("projects/<str:project>/", projects.detail, name="project"),
    path("projects/<str:project>/rename/", projects.rename, name="project-rename"),
    path("projects/<str:project>/archive/", projects.archive, name="project-archive"),
    path("projects/<str:project>/restore/", projects.restore, name="project-restore"),
    path("projects/<str:project>/members/add/", projects.add_member, name="project-member-add"),
    path("projects/<str:project>/members/<str:user>/remove/", projects.remove_member, name="project-member-remove"),
    path("playground/", playground.playground, name="playground"),
    path("playground/chat/", playground.chat, name="playground-chat"),
    path("playground/receipts/<str:turn>/", playground.receipt, name="playground-receipt"),
]
