"""The built-in demo provider: an OpenAI-compatible listener on the loopback address that repeats what it is told.

Owns: the echo, its pace, and its token counts (the real tokenizer's).
Does not own: who may call it (the gateway is its only customer), prices, records.
Called by: `manage.py serve` as a child process, `python -m gateway.demo`; reached over HTTP like any other provider.
"""
