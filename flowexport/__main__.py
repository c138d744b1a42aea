"""``python -m flowexport``."""

from flowexport.cli.main import main

main()
