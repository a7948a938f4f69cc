"""Retraining by itself: what judges a model, and what declares it all. It speaks only AWS's APIs."""
