"""Accounts: WHO.

Owns: User, Organization, Membership, Invitation, Project, ProjectMembership, ApiKey and its secrets, AuditEntry,
and the one role -> permission table.
Does not own: what a key may cost (billing), what models exist (catalog), any page or URL.
Called by: catalog, usage, billing, the gateway's bridge, dashboard, api.
"""
