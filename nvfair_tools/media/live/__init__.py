"""Reading video while it comes, from a camera, a network stream or a pipe."""
