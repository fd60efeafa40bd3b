"""API: the door for automation.

Owns: `/api/v1/*` (REST, for keys with the management scope), its OpenAPI description and the page that shows it.
Does not own: any table or rule; every verb is a call into a room. The wire API for models is the gateway's.
Called by: config/urls.py.
"""
