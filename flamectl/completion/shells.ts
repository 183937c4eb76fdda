/** Begins an expansion in a shell; a template has the same. */
const open = '${'

/**
 * What a shell is to run at its start. Each asks `flamectl complete` for candidates, a line each with its description after
 * a tab, and completes names of files where there are none.
 */
export const shells = {
  bash: String.raw`_flamectl() {
  local IFS=$'\n'
  COMPREPLY=($(flamectl complete -- "${open}COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _flamectl flamectl`,

  zsh: String.raw`#compdef flamectl
_flamectl() {
  local -a found
  found=("${open}(@f)$(flamectl complete -- "${open}(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then
    found=("${open}(@)found//:/\\:}")
    found=("${open}(@)found/$'\t'/:}")
    _describe flamectl found
  else
    _files
  fi
}
compdef _flamectl flamectl`,

  fish: String.raw`function __flamectl
  set -l words (commandline -opc)
  set -e words[1]
  set -l found (flamectl complete -- $words (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c flamectl -f -a '(__flamectl)'`,
} as const
