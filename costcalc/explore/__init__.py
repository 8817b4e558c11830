"""Many settings of one spec: formulas over them, grids, budgets turned into settings, design spaces searched.

Everything here reads a document and counts it with the one cost model; no other room asks it how.
"""
