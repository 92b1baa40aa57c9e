"""``python -m emonets`` is the command ``emonets``."""

from emonets.cli.main import main

main()
