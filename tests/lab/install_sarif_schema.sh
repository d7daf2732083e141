#!/bin/sh
# Fetches the JSON Schema of SARIF 2.1.0 into .tools/sarif (git-ignored), from the npm package that carries the official
# file. Safe to call again. Wants npm.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
target="$root/.tools/sarif"
package=@microsoft/jest-sarif@1.0.0-beta.0
inside=package/lib/schemas/sarif-2.1.0-rtm.5.json
[ -s "$target/sarif-schema-2.1.0.json" ] && exit 0
mkdir -p "$target"
cd "$target"
archive=$(timeout --kill-after=10 5m npm pack "$package" --silent)
tar -xzf "$archive" "$inside"
mv "$inside" sarif-schema-2.1.0.json
rm -rf package "$archive"
