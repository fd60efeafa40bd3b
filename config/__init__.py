"""Config: where everything is wired.

Owns: settings, urls, asgi, the schedule table and who ticks it (Celery or the ticker of `manage.py serve`).
Does not own: any table, any rule, anything that another room could import.
Called by: manage.py, the ASGI server, Celery.
"""
