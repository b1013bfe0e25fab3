"""What a command raises when its input is wrong and no exception of the library says so."""


class CommandError(Exception):
    """Its text is the one line that the user reads."""
