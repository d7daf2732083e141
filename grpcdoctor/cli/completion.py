"""Shell completion: click's, with scripts of our own.

click's scripts hand over the words as the shell has split them; bash splits at `:` and `=`, so a target with a port
comes in three. Ours hand over the line up to the cursor, and know words that go on without a blank (`pkg.Service/`).
"""

from __future__ import annotations

import os
from typing import Final

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

OPEN: Final = "open"
"""The type of a CompletionItem after which no blank is wanted."""

_BASH: Final = """\
# Completion of grpcdoctor in bash. For every new shell:
#   echo 'eval "$(grpcdoctor completion bash)"' >>~/.bashrc
%(complete_func)s() {
    local kind value
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            open) COMPREPLY+=("$value"); compopt -o nospace 2>/dev/null ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""

_ZSH: Final = """\
#compdef %(prog_name)s
# Completion of grpcdoctor in zsh. For every new shell:
#   echo 'eval "$(grpcdoctor completion zsh)"' >>~/.zshrc      (after compinit)
%(complete_func)s() {
    local -a plain described open
    local line kind value help
    for line in "${(@f)$(COMP_WORDS="${(j: :)words[1,CURRENT]}" %(complete_var)s=zsh_complete ${words[1]} 2>/dev/null)}"
    do
        IFS=$'\\t' read -r kind value help <<<"$line"
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            open) open+=("$value") ;;
            plain) [[ -n $help ]] && described+=("${value//:/\\\\:}:$help") || plain+=("$value") ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
    (( $#open )) && compadd -U -S '' -V unsorted -a open
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH: Final = """\
# Completion of grpcdoctor in fish. For every new shell:
#   grpcdoctor completion fish >~/.config/fish/completions/grpcdoctor.fish
function %(complete_func)s
    set -l line (commandline -cp | string collect)
    for reply in (env COMP_WORDS="$line" %(complete_var)s=fish_complete %(prog_name)s 2>/dev/null)
        set -l parts (string split -m 2 \\t -- $reply)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline -ct)
            case file
                __fish_complete_path (commandline -ct)
            case '*'
                printf '%%s\\t%%s\\n' $parts[2] $parts[3]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments '(%(complete_func)s)'
"""


class _Line(ShellComplete):
    """The line up to the cursor comes in COMP_WORDS."""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        if not line or line[-1].isspace():
            return words[1:], ""
        return words[1:-1], words[-1]

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type}\t{item.value}\t{' '.join((item.help or '').split())}"


class Bash(_Line):
    name = "bash"
    source_template = _BASH

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type},{item.value}"


class Zsh(_Line):
    name = "zsh"
    source_template = _ZSH


class Fish(_Line):
    name = "fish"
    source_template = _FISH


SHELLS: Final = {shell.name: shell for shell in (Bash, Zsh, Fish)}


def register() -> None:
    """Put them in the place of click's own."""
    for shell in SHELLS.values():
        add_completion_class(shell)
