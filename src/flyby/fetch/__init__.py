"""Asking under a policy: which windows, how patiently, and every answer landed before it is judged."""
