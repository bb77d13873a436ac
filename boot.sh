#!/bin/sh
# Generates configure and Makefile.in after a fresh checkout.
set -e
cd "$(dirname "$0")"
autoreconf --install --force
