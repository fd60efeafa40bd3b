"""Files of each day, to a bucket or a directory: complete, once a day, and again when the day has changed.

One noun or verb a file: `days` says which files are due, `content` reads one, `places` puts it somewhere, `running` is
the job that does all three. What people do with exports stands in `billing/exports.py`.
"""
