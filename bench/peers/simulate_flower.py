"""Updates/s of Flower's simulation with a model of 1,000 weights and a training that does almost nothing.

    .peers/flower/bin/python bench/peers/simulate_flower.py

prints one JSON line: updates by the time between the ends of the first and of the last round.
"""

import json
import logging
import os
import time

os.environ.setdefault("RAY_DEDUP_LOGS", "0")
logging.disable(logging.WARNING)

import numpy as np  # noqa: E402
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict  # noqa: E402
from flwr.clientapp import ClientApp  # noqa: E402
from flwr.serverapp import Grid, ServerApp  # noqa: E402
from flwr.serverapp.strategy import FedAvg  # noqa: E402
from flwr.simulation import run_simulation  # noqa: E402

SIZE = 1_000
CLIENTS = 100
ROUNDS = 6

client = ClientApp()


@client.train()
def train(message: Message, _: Context) -> Message:
    (weights,) = message.content["arrays"].to_numpy_ndarrays()
    content = RecordDict({"arrays": ArrayRecord([weights + 1]), "metrics": MetricRecord({"num-examples": 1})})
    return Message(content=content, reply_to=message)


server = ServerApp()
ends = []


@server.main()
def main(grid: Grid, _: Context) -> None:
    def ended(_round, _arrays):
        ends.append(time.perf_counter())
        return MetricRecord({})

    strategy = FedAvg(fraction_train=1.0, fraction_evaluate=0.0, min_available_nodes=CLIENTS)
    strategy.start(
        grid=grid,
        initial_arrays=ArrayRecord([np.zeros(SIZE, np.float32)]),
        num_rounds=ROUNDS,
        evaluate_fn=ended,
    )


run_simulation(
    server_app=server,
    client_app=client,
    num_supernodes=CLIENTS,
    backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
)
# The first call is before the first round.
seconds = ends[-1] - ends[1]
print(json.dumps({"updatesPerSecond": CLIENTS * (len(ends) - 2) / seconds}), flush=True)
