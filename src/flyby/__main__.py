"""`python -m flyby` is `flyby`."""

from flyby.cli import main

main()
