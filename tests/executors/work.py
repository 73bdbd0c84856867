"""What the tests give workers on Ray to do; each worker imports this module, and no more."""

import os
import time

from alfs_cli.errors import InputError


def slow_square(seconds, i):
    time.sleep(seconds)
    return i * i


def refuse(i):
    raise InputError("no such thing", help="none")


def end(i):
    os._exit(1)
