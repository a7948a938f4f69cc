"""Stepwell: automated retraining of machine-learning models on AWS's own interfaces, on your own machine."""

__version__ = "0.1.0"
