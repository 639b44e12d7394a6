"""Bounded waits for a condition. A test never sleeps and hopes."""
import time


def eventually(condition, timeout, what, step=0.005):
    """The first true value of the condition; AssertionError with `what` if it does not come in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(step)


def stays(condition, duration, what, step=0.02):
    """The condition holds all the while; AssertionError at the first moment when it does not."""
    deadline = time.monotonic() + duration
    while time.monotonic() < deadline:
        if not condition():
            raise AssertionError(f"no longer: {what() if callable(what) else what}")
        time.sleep(step)
