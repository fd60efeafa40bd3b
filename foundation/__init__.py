"""Foundation: the words every room shares: money, periods, secrets, sealing, identifiers, SQL batches.

Owns: no table, no URL, no setting. Pure functions and small values.
Does not own: who (accounts), what is sold (catalog), what happened (usage), what it costs (billing).
Called by: every room and every door.
"""
