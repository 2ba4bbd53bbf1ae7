"""For people: the terminal, the page, notices."""
