#!/bin/sh
# Installs the Node.js packages of tests/lab/grpc_js_server.mjs into .tools/grpc-js (git-ignored). Safe to call again.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
target="$root/.tools/grpc-js"
if [ -d "$target/node_modules/@grpc/grpc-js" ] && [ -d "$target/node_modules/@grpc/reflection" ]; then
    exit 0
fi
mkdir -p "$target"
[ -f "$target/package.json" ] || printf '{"name": "grpcdoctor-lab", "private": true}\n' >"$target/package.json"
npm install --prefix "$target" --no-audit --no-fund --no-progress --loglevel=error \
    @grpc/grpc-js@1 @grpc/proto-loader@0.8 @grpc/reflection@1 grpc-health-check@2
