# SPDX-License-Identifier: Apache-2.0
"""Histories: lists of operations that a test draws at random.

An operation takes the world and a generator of its own random choices, and
returns what it did, in words, or None where it has nothing to do it to.  So
any operation may follow any other, and a list of them can be cut anywhere."""

import os
import random
from typing import Callable, NamedTuple


class Operation(NamedTuple):
    weight: float
    is_calm: bool               # Not while the agent has work to do.
    run: Callable


class Operations(dict):
    """Operations by name."""

    def add(self, weight, is_calm=False):
        """Decorates a function that is one of them."""
        def register(function):
            self[function.__name__] = Operation(weight, is_calm, function)
            return function
        return register

    def draw(self, seed, length):
        """[(operation, the seed of its own choices)]"""
        rng = random.Random(seed)
        weights = [operation.weight for operation in self.values()]
        return [(name, rng.randrange(1 << 20))
                for name in rng.choices(list(self), weights, k=length)]


def seeds(number):
    """'number' of them, unless the environment says which, or how many."""
    if "VNICD_SEED" in os.environ:
        return [int(os.environ["VNICD_SEED"])]
    return range(1, 1 + int(os.environ.get("VNICD_SEEDS", number)))


def length(default):
    return int(os.environ.get("VNICD_LENGTH", default))


def told():
    """The history that an earlier run has printed, if there is one."""
    words = os.environ.get("VNICD_OPERATIONS", "").split()
    return [(name, int(seed)) for name, seed in
            (word.split(":") for word in words)]


def write_down(history):
    """For told()."""
    return ("VNICD_OPERATIONS='"
            + " ".join(f"{name}:{seed}" for name, seed in history) + "'")
