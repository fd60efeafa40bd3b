"""API: the JSON door.

Owns: `/api/v1/*` for keys with the management scope and for people in a session (who calls, errors, paging, pace,
    repeatable POSTs), its OpenAPI description and the page that shows it.
Does not own: any table or rule; every verb is a call into a room. The wire API for models is the gateway's.
Called by: config/urls.py.
"""
