"""A recommender: what a person may like next, by what is written of it and by what people did."""
