"""Budgets, baselines and differences: what a review of networks sees, and what stops it."""
