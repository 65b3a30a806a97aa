"""The files that `nvfair new` writes, as templates of the standard library's string.Template."""
