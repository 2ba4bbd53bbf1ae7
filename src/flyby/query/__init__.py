"""Asking the record: read-only questions, and their answers as plain values."""
