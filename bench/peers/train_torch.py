"""Samples/s of the plain PyTorch training loop on the models of the FedAvg paper.

    .peers/torch/bin/python bench/peers/train_torch.py --threads 1 2nn-b10 cnn-b50

prints one JSON line per case, the median of several slices. With --serve it reads names of cases instead, one a line,
and answers each with one slice, so that bench/train can measure other trainers in between.
"""

import argparse
import json
import statistics
import sys
import time
import warnings

warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

import torch  # noqa: E402
from torch import nn  # noqa: E402

EXAMPLES = 6_000
SLICES = 5


def two_nn() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 200),
        nn.ReLU(),
        nn.Linear(200, 200),
        nn.ReLU(),
        nn.Linear(200, 10),
    )


def cnn() -> nn.Module:
    """1,663,370 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(7 * 7 * 64, 512),
        nn.ReLU(),
        nn.Linear(512, 10),
    )


CHARACTERS = 86


class NextCharacter(nn.Module):
    """The character after 80 characters, by an LSTM of 256 units."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CHARACTERS, 8)
        self.lstm = nn.LSTM(8, 256, batch_first=True)
        self.output = nn.Linear(256, CHARACTERS)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(self.embedding(characters))
        return self.output(states[:, -1])


STEPS = 64


class Transformer(nn.Module):
    """The class of 64 numbers, by one block: 128 channels, 4 heads, a hidden layer of 512."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(256, 128)
        self.positions = nn.Parameter(torch.randn(STEPS, 128) / 10)
        self.block = nn.TransformerEncoderLayer(
            128, 4, dim_feedforward=512, dropout=0.0, activation="gelu", layer_norm_eps=1e-3, batch_first=True
        )
        self.output = nn.Linear(128, 10)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        return self.output(self.block(self.embedding(numbers) + self.positions).mean(dim=1))


MODELS = {"2nn": two_nn, "cnn": cnn, "lstm": NextCharacter, "transformer": Transformer}


def examples(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Random features and classes, in the form of the model's examples."""
    if name == "lstm":
        return torch.randint(0, CHARACTERS, (EXAMPLES, 80)), torch.randint(0, CHARACTERS, (EXAMPLES,))
    if name == "transformer":
        return torch.randint(0, 255, (EXAMPLES, STEPS)), torch.randint(0, 10, (EXAMPLES,))
    return torch.rand(EXAMPLES, 1, 28, 28), torch.randint(0, 10, (EXAMPLES,))


def trainer(case: str):
    """Make a function that trains for about a number of seconds, and returns samples/s."""
    name, batch_size = case.split("-b")
    batch = int(batch_size)
    torch.manual_seed(1)
    model = MODELS[name]()
    features, labels = examples(name)
    batches = list(zip(features.split(batch), labels.split(batch)))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    position = 0

    def train(seconds: float) -> float:
        nonlocal position
        samples = 0
        began = time.perf_counter()
        while True:
            inputs, targets = batches[position % len(batches)]
            position += 1
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            samples += len(targets)
            elapsed = time.perf_counter() - began
            if elapsed >= seconds:
                return samples / elapsed

    train(0.5)
    return train


def report(case: str, samples_per_second: float) -> None:
    print(json.dumps({"case": case, "samplesPerSecond": samples_per_second}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("cases", nargs="*", default=["2nn-b10", "2nn-b32", "2nn-b100", "cnn-b10", "cnn-b50", "lstm-b10", "transformer-b8"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    if not options.serve:
        for case in options.cases:
            train = trainer(case)
            report(case, statistics.median(train(1.0) for _ in range(SLICES)))
        return
    trainers = {}
    for line in sys.stdin:
        case = line.strip()
        if case not in trainers:
            trainers[case] = trainer(case)
        report(case, trainers[case](1.0))


if __name__ == "__main__":
    main()
