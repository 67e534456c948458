#!/bin/sh
# Checks the licences and origins of all dependencies. Installs cargo-deny where it is absent (minutes).
set -eu
cd "$(dirname "$0")/.."
if ! cargo deny --version >/dev/null 2>&1; then
    echo "installing cargo-deny (some minutes, once)" >&2
    cargo install cargo-deny --version 0.20.2 --locked --no-default-features
fi
cargo deny --all-features check --hide-inclusion-graph licenses bans sources
