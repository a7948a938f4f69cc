"""`python -m stepwell`."""

from stepwell.cli import main

main()
