"""What a user of a generator sees: what was wrong, where, what was expected, how to fix it."""


class GeneratorError(ValueError):
    """A user's input (picture, clip, checkpoint, option) that a generator cannot use; the message says the remedy.

    is_user_error: tells whoever runs generators that the message is meant for the user, so no traceback is needed.
    """

    is_user_error = True


class MissingPackage(GeneratorError):
    """A package that a generator needs cannot be imported.

    package: what is imported. extra: the extra of nvfair-tools that brings it. why: what the import said.
    """

    def __init__(self, generator: str, package: str, extra: str, why: str) -> None:
        self.package, self.extra, self.why = package, extra, why
        super().__init__(
            f"generator {generator!r} needs the package {package!r}, which cannot be imported ({why}); "
            f"pip install 'nvfair-tools[{extra}]'"
        )
