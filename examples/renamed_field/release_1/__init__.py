"""The release that there was: the field is called msg."""
