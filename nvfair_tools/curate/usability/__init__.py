"""Whether methods can be trained and tested on the videos that a recipe plans or a build has made."""
