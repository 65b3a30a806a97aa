"""The one error a user of a generator sees: what was wrong, where, what was expected, how to fix it."""


class GeneratorError(ValueError):
    """A user's input (picture, clip, checkpoint, option) that a generator cannot use; the message says the remedy.

    is_user_error: tells whoever runs generators that the message is meant for the user, so no traceback is needed.
    """

    is_user_error = True
