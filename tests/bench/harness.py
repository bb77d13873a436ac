# SPDX-License-Identifier: Apache-2.0
"""What the benches have in common."""

import argparse
import os
import tempfile


def main(description, make_host, run):
    """Runs a bench on a host of its own; returns the exit status: does 'run'
    say that it is fast enough?"""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("build", help="where vnicd was built")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vnicd-bench-") as directory:
        os.chmod(directory, 0o755)
        with make_host(directory, args.build) as host:
            return 0 if run(host) else 1
