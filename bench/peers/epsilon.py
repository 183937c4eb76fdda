"""Prints epsilon of the sampled Gaussian by Google's dp-accounting, by its two accountants, as JSON.

Arguments: noise multiplier, sampling probability, rounds, delta.
"""

import json
import sys

import dp_accounting
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

noise, probability, rounds, delta = (float(text) for text in sys.argv[1:])
event = dp_accounting.PoissonSampledDpEvent(probability, dp_accounting.GaussianDpEvent(noise))


def epsilon(accountant):
    return accountant.compose(event, int(rounds)).get_epsilon(delta)


print(json.dumps({"loss-distribution": epsilon(PLDAccountant()), "renyi": epsilon(RdpAccountant())}))
