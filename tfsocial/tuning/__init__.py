"""`tune`: a search over the keys of a config, by as many machines as share its storage.

A trial is a folder and one process of training a seed. Who works on it holds its lease; who finds a
lease stale goes on with that very trial, from its checkpoint.
"""

LEASE_SECONDS = 60.0  # after which a lease that nobody renews is stale
