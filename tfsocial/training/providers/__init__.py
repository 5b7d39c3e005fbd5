"""What objectives need beside a batch and theta, and who makes it: one file a need.

An objective's class names its needs; `table.PROVIDERS` has the provider of each. A new need is a
file here and a line there: what its provider makes is `RunConstants[NEED]`.
"""
