#!/usr/bin/env bash
# Pin what goes into the images: resolves pyproject.toml and the *.in files beside this script, for
# the Python of the base image, into requirements-*.txt. Run it to take newer versions; needs uv.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=deploy/docker

pin() {
  local name=$1
  shift
  uv pip compile --quiet --upgrade --python-version 3.11 --python-platform linux \
    --no-annotate --no-header "$@" \
    --output-file "$here/requirements-$name.txt"
}

pin halocast pyproject.toml
# what the hub adds stands on the same versions
pin hub pyproject.toml --extra hub --extra notebooks \
  --constraint "$here/requirements-halocast.txt"
pin build "$here/requirements-build.in"
pin s3 "$here/requirements-s3.in"
