"""Notices: what is worth one, and carrying it to the addresses of FLYBY_NOTIFY."""
