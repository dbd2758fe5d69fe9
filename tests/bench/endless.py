"""Runs in a worker: never answers."""

import time


def wait() -> None:
    time.sleep(600)
