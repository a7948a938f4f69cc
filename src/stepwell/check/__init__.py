"""Checks of Pulumi programs, without running them."""
