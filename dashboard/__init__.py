"""Dashboard: the door for people, HTML.

Owns: the console's pages, the playground, forms, sign-up and log-in pages.
Does not own: any table or rule; a view finds the object or 404s, reads a form, calls a room's verb, shows a template.
Called by: config/urls.py.
"""
