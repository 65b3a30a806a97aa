"""Commands for submitting to a board and for keeping one."""
