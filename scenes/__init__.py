"""The scenes: one file each, named in the configuration."""
