"""The board's pages, made from results alone: the same for the server and for the static site."""
