"""Wrong answers to the exercises of lesson @NUMBER@, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

import torch


class first:
    def right_as_a_sum(x):
        return x + x

    def squared(x):
        return x * x

    def halved(x):
        return 0.5 * x

    def no_gradient(x):
        return torch.tensor([2 * v for v in x.tolist()])
