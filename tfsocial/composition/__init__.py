"""theta1 + theta2: weights of several runs of one M0 become one model."""
