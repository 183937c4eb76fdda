"""Updates/s of pfl-research's simulation with a model of 1,000 weights and a training that does almost nothing.

    .peers/pfl/bin/python bench/peers/simulate_pfl.py

prints one JSON line: updates by the time between the ends of the first and of the last round.
"""

import json
import logging
import time

import numpy as np
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam.base import ModelHyperParams
from pfl.metrics import Metrics
from pfl.model.base import StatefulModel
from pfl.stats import MappedVectorStatistics

logging.disable(logging.WARNING)

SIZE = 1_000
USERS = 10_000
COHORT = 1_000
ROUNDS = 6


class Weights(StatefulModel):
    """One array of weights."""

    def __init__(self):
        super().__init__()
        self.values = np.zeros(SIZE, np.float32)

    def get_parameters(self, _placeholder=None):
        return MappedVectorStatistics({"weights": self.values.copy()})

    def set_parameters(self, parameters):
        self.values = parameters["weights"].copy()

    def get_model_difference(self, other_parameters, clone=False):
        return MappedVectorStatistics({"weights": self.values - other_parameters["weights"]})

    def apply_model_update(self, statistics):
        self.values = self.values + statistics["weights"]
        return self, Metrics()

    def evaluate(self, dataset, name_formatting_fn=str, eval_params=None):
        return Metrics()

    def save(self, dir_path):
        pass

    def load(self, dir_path):
        pass


class Averaging(FederatedAveraging):
    """Federated averaging whose training adds 1 to each weight."""

    def train_one_user(self, initial_model_state, model, user_dataset, central_context):
        model.values = model.values + 1
        return model.get_model_difference(initial_model_state), Metrics()


class Ends(TrainingProcessCallback):
    """Notes when each round ends."""

    def __init__(self):
        self.ends = []

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        self.ends.append(time.perf_counter())
        return False, Metrics()


def main() -> None:
    data = FederatedDataset(
        lambda user: Dataset(raw_data=[np.zeros((1, 1), np.float32)], user_id=str(user)),
        get_user_sampler("random", range(USERS)),
    )
    params = NNAlgorithmParams(
        central_num_iterations=ROUNDS, evaluation_frequency=10**9, train_cohort_size=COHORT, val_cohort_size=None
    )
    noted = Ends()
    Averaging().run(
        params, SimulatedBackend(data, None), Weights(), ModelHyperParams(), callbacks=[noted], send_metrics_to_platform=False
    )
    seconds = noted.ends[-1] - noted.ends[0]
    print(json.dumps({"updatesPerSecond": COHORT * (len(noted.ends) - 1) / seconds}), flush=True)


if __name__ == "__main__":
    main()
