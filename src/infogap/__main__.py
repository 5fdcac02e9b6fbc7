"""`python -m infogap` is the console script `infogap`."""

from infogap.cli import main

main()
