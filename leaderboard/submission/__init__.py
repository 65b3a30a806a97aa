"""A submission from its archive to its scores: what strangers send is read, checked and scored within bounds."""
