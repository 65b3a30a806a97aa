"""What each command needs of the machine, from its parameters: a module for each kind of reader."""
