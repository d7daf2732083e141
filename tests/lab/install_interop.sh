#!/bin/sh
# Builds the grpc-go, connect-go and grpc-java servers of tests/lab/interop into .tools/interop (git-ignored). Safe to call again:
# only what changed is built. Wants a JDK >= 17 and Maven, and Go >= 1.26, which is taken from PyPI where it is missing.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
sources="$root/tests/lab/interop"
target="$root/.tools/interop"
minutes=10 # at most, for each of the downloads and builds
. "$root/tests/lab/building.sh"
mkdir -p "$target"

# The stamp is written last, so a build that was broken off is made again.
sum_of() { find "$1" -type f | LC_ALL=C sort | xargs cat | sha256sum; }
is_built() { [ -f "$target/$1.built" ] && [ "$(sum_of "$sources/$1")" = "$(cat "$target/$1.built")" ]; }
built() { sum_of "$sources/$1" >"$target/$1.built"; }

if ! is_built go; then
    go=$(go_program)
    (cd "$sources/go" && GOTOOLCHAIN=local GOFLAGS='-buildvcs=false -mod=readonly' CGO_ENABLED=0 \
        quietly within "$go" build -trimpath -ldflags='-s -w' -o "$target/grpc-go" .)
    built go
fi
if ! is_built connect; then
    go=$(go_program)
    (cd "$sources/connect" && GOTOOLCHAIN=local GOFLAGS='-buildvcs=false -mod=readonly' CGO_ENABLED=0 \
        quietly within "$go" build -trimpath -ldflags='-s -w' -o "$target/connect-go" .)
    built connect
fi
if ! is_built java; then
    rm -rf "$target/java"
    quietly within mvn --batch-mode --quiet --file "$sources/java/pom.xml" -Dbuild.folder="$target/java" \
        compile dependency:copy-dependencies
    built java
fi
