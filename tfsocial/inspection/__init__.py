NEAR = 0.8  # similarity from which two texts count as near
