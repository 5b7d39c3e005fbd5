"""From a table to a config: what `tfsocial init` does, a step a file.

Read the table, guess what its columns are, group what stands twice, split by group, choose a
recipe, write the config with the reasons beside the values.
"""
