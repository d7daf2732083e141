#!/usr/bin/env bash
# Builds the sdist, the wheel from the sdist (as an index would serve them), installs the wheel in a clean environment
# outside the checkout, and compares what is registered there with the checkout's files. $1: a scratch folder.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$1

# `python -m build` without --wheel or --sdist builds the wheel from the sdist, so a file that the sdist lacks shows.
"$checkout/.venv/bin/python" -m build --outdir "$scratch/dist" "$checkout" >"$scratch/build.log" 2>&1 || {
  cat "$scratch/build.log" >&2
  exit 1
}
python3 -m venv "$scratch/clean"
"$scratch/clean/bin/python" -m pip install --quiet "$scratch"/dist/*.whl

cd "$scratch" # a grpcdoctor/ folder in the working directory would be imported instead
"$checkout/.venv/bin/python" "$checkout/.ci/registered.py" >expected.txt
"$scratch/clean/bin/python" "$checkout/.ci/registered.py" >installed.txt
diff expected.txt installed.txt || { echo "the wheel does not register what the checkout does" >&2; exit 1; }

# The registry could be wrong in both places alike: the files have the last word.
count() { grep -c "^$1 " installed.txt || true; }
files() { find "$checkout/$1" -name '*.py' ! -name '_*' | wc -l; }
pages=$(find "$checkout/docs/rules" -name '*.md' ! -name README.md | wc -l)
[ "$(count rule)" -eq "$(files checks)" ] && [ "$(count probe)" -eq "$(files probes)" ] && [ "$(count page)" -eq "$pages" ] || {
  echo "registered: $(count rule) rules, $(count probe) probes, $(count page) pages;" \
    "files: $(files checks), $(files probes), $pages" >&2
  exit 1
}

"$scratch/clean/bin/grpcdoctor" --help >/dev/null
"$scratch/clean/bin/grpcdoctor" rule alpn-missing | grep -q "GD204"
# The signatures, causes and clues are data files.
[ "$("$scratch/clean/bin/grpcdoctor" explain --list | tail -1)" = "$("$checkout/.venv/bin/grpcdoctor" explain --list | tail -1)" ]
("$scratch/clean/bin/grpcdoctor" explain 'error reading server preface: EOF' || true) | grep -q plaintext-expected-tls-found
echo "the installed wheel has $(count rule) rules, $(count probe) probes and $(count page) pages, as the checkout has"
