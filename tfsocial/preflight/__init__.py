"""The train step before any TPU is rented: the real TPU compiler's verdict and counts."""
