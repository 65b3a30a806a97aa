"""`python -m nvfair_tools` is the `nvfair` command."""

from nvfair_tools.cli import main

main()
