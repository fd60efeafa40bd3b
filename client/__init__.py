"""`meterhouse`, the command line: the REST API for people and shell scripts, with Python's standard library alone.

Owns: what the command line says and where it keeps a log-in.
Does not own: anything of the server; it knows the REST API and no room of this house.
Called by: people and scripts, as `script/meterhouse`, `python -m client` or the one file that a server gives out.
"""
