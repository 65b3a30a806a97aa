"""`nvfair completion`: the script by which a shell completes commands, options, paths and names."""

from __future__ import annotations

import click

# How to load the script in each shell, from now on and in new terminals.
_LOADING = {
    "bash": 'eval "$(nvfair completion bash)", also in ~/.bashrc',
    "zsh": 'eval "$(nvfair completion zsh)", also in ~/.zshrc after compinit',
    "fish": "nvfair completion fish > ~/.config/fish/completions/nvfair.fish",
}
VARIABLE = "_NVFAIR_COMPLETE"  # by which the script asks the command


@click.command()
@click.argument("shell", type=click.Choice(list(_LOADING)))
def completion(shell: str) -> None:
    """Print the script that completes `nvfair` in SHELL.

    bash: add the line eval "$(nvfair completion bash)" to ~/.bashrc; zsh: the same with zsh, in ~/.zshrc; fish: write
    the script to ~/.config/fish/completions/nvfair.fish. It completes commands, options, paths of recipes and data
    sets, names of protocols, methods and worlds, and the generators of the data set that is named.
    """
    from click.shell_completion import get_completion_class

    from nvfair_tools.cli import cli

    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(cli, {}, "nvfair", VARIABLE).source())
    click.echo(f"to load it: {_LOADING[shell]}", err=True)
