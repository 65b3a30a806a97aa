"""Plain sentences for what is wrong in a file that users write: a recipe, a protocol, a submission's declaration."""
