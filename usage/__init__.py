"""Usage: WHAT HAPPENED.

Owns: UsageEvent (append-only), its 15-minute rollups, and the reports that read them.
Does not own: what a token costs and who pays (billing), how a request is served (gateway).
Called by: billing (writes events at settle), the gateway's bridge, dashboard, api.
"""
