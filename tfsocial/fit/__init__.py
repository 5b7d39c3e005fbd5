"""`fit`: a table and some minutes become an exported model.

Look at the table, try candidates on parts of train that they did not see, train the best one,
several times where time allows, put those together where that helps, export.
"""

MINUTES = 20.0
