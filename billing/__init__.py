"""Billing: WHAT IT COSTS.

Owns: the double-entry ledger, holds, credit grants, Subscription (organization to plan), and the two verbs of a
metered request, admit and settle; messages and their delivery by e-mail and webhook; windows, limits, payments,
invoices and alerts belong here too.
Does not own: prices (catalog), usage events (usage; settle writes them), rate limits (gateway).
Called by: the gateway's bridge, dashboard, api, the schedule.
"""
