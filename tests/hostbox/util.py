# SPDX-License-Identifier: Apache-2.0
"""What every part of the box needs: one error, one way to run, one to wait."""

import contextlib
import fcntl
import os
import subprocess
import time


class HostboxError(Exception):
    """Something a human must read: one clear sentence."""


def run(argv, *, timeout=30, env=None, **kwargs):
    """Runs 'argv' and returns what it wrote; a failure is a HostboxError.

    Without 'env' it runs in our environment, and finds administrators'
    programs even where our PATH is that of a user."""
    env = env or {**os.environ,
                  "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    try:
        done = subprocess.run(argv, check=True, timeout=timeout, text=True,
                              env=env,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              **kwargs)
    except FileNotFoundError as e:
        raise HostboxError(f"{e.filename} is not installed: "
                           "run tests/install-deps") from e
    except subprocess.TimeoutExpired as e:
        raise HostboxError(f"'{' '.join(argv)}' did not end within "
                           f"{timeout} s") from e
    except subprocess.CalledProcessError as e:
        said = (e.stderr.strip() or e.stdout.strip()).splitlines()
        raise HostboxError(f"'{' '.join(argv)}' failed with status "
                           f"{e.returncode}: "
                           f"{said[-1] if said else 'no message'}") from e
    return done.stdout


def until(condition, what, *, timeout, interval=0.02):
    """Waits until 'condition()' is true and returns its value.

    This is the only place that sleeps.  'what' completes the sentence
    "... has not happened within N s"."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise HostboxError(f"{what}: has not happened within "
                               f"{timeout:g} s")
        time.sleep(interval)


@contextlib.contextmanager
def locked(path):
    """Holds the lock file 'path', across processes."""
    with open(path, "w", encoding="utf-8") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def cache_dir():
    """What is slow to make and worth keeping between runs.

    $VNICD_CACHE, else /var/cache/vnicd for root, else the user's own."""
    if "VNICD_CACHE" in os.environ:
        path = os.environ["VNICD_CACHE"]
    elif os.geteuid() == 0:
        path = "/var/cache/vnicd"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser(
            "~/.cache")
        path = os.path.join(home, "vnicd")
    os.makedirs(path, exist_ok=True)
    return os.path.realpath(path)


def read_text(path, default=None):
    """The text of 'path', or 'default' where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return default


def write_text(path, text):
    """Replaces 'path' as a whole: a reader sees all of it or none."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(temporary, path)
