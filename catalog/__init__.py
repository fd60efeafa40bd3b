"""Catalog: WHAT IS SOLD.

Owns: LanguageModel, Price, Plan, Provider (an upstream) and Route (which provider serves which model).
Does not own: who buys (accounts), which plan an organization has (billing), any call to a provider (gateway).
Called by: usage, billing, the gateway's bridge, dashboard, api.
"""
