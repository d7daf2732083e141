#!/bin/sh
# Builds the grpcurl and the grpc-health-probe that ours are compared with into .tools/reference (git-ignored), in the
# versions of tests/lab/reference/*/go.mod, named as their releases are. Safe to call again: only what changed is built.
# Wants Go >= 1.26, which is taken from PyPI where it is missing.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
sources="$root/tests/lab/reference"
target="$root/.tools/reference"
minutes=10 # at most, for each of the downloads and builds
. "$root/tests/lab/building.sh"
mkdir -p "$target"

# build PROGRAM MODULE PACKAGE VARIABLE: a whole program appears under its name, or none. Each has a go.mod of its own,
# so that it gets the versions of its dependencies that its authors release it with. VARIABLE is what they set to the
# version when they link it. The stamp is written last, so a build that was broken off is made again.
build() (
    cd "$sources/$1"
    stamp=$(cat go.mod go.sum "$root/tests/lab/install_reference.sh" | sha256sum)
    [ -x "$target/$1" ] && [ "$stamp" = "$(cat "$target/$1.built")" ] && exit
    go=$(go_program)
    export GOTOOLCHAIN=local GOFLAGS='-buildvcs=false -mod=readonly' CGO_ENABLED=0
    quietly within "$go" mod download "$2"
    version=$("$go" list -m -f '{{.Version}}' "$2")
    quietly within "$go" build -trimpath -ldflags="-s -w -X $4=$version" -o "$target/$1.new" "$3"
    mv "$target/$1.new" "$target/$1"
    echo "$stamp" >"$target/$1.built"
)

build grpcurl github.com/fullstorydev/grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl main.version
build grpc-health-probe github.com/grpc-ecosystem/grpc-health-probe github.com/grpc-ecosystem/grpc-health-probe \
    main.versionTag
