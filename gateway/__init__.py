"""Gateway: the metered door.

Owns: `/v1/*`, the chat endpoint, streaming, upstream calls, metering, rate limits, the built-in demo provider.
Does not own: any table; what it knows of keys, prices and credit it asks through `bridge.py`, the only module here
that reaches the database.
Called by: config/asgi.py (HTTP) and the dashboard's playground.
"""
