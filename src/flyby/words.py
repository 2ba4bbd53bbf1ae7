"""Numbers in sentences."""


def count(n: float, what: str) -> str:
    """`1 flyby`, `1,234 flybys`."""
    told = f"{n:,.0f}"
    return f"{told} {what}" if told == "1" else f"{told} {what}s"
