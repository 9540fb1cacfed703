# shellcheck shell=bash
# Waiting for conditions, checking sentences, and the verdict at the end. Sourced, not run.
# The example and the lab tests share it.

CHECKS_PASSED=0
CHECKS_FAILED=()

if [[ -t 1 ]]; then
  BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' GREEN='' RED='' PLAIN=''
fi

# Tenths of a second since the script began; the guest's clock is as good as the machine's.
tenths() {
  local now=${EPOCHREALTIME/./}
  echo $((now / 100000 - STARTED_TENTHS))
}
STARTED_TENTHS=0
STARTED_TENTHS=$(tenths)
as_seconds() { printf '%d.%d s' $(($1 / 10)) $(($1 % 10)); }

step() { printf '%s%s== %s%s\n' "$BOLD" "$(printf '[%5s] ' "$(as_seconds "$(tenths)")")" "$*" "$PLAIN"; }
note() { printf '   %s\n' "$*"; }

pass() {
  CHECKS_PASSED=$((CHECKS_PASSED + 1))
  printf '   %sok%s      %s\n' "$GREEN" "$PLAIN" "$*"
}
fail() {
  CHECKS_FAILED+=("$*")
  printf '   %sFAILED%s  %s\n' "$RED" "$PLAIN" "$*"
}

# check "sentence" COMMAND...: the command's output is shown only when it fails.
check() {
  local sentence=$1 output
  shift
  if output=$("$@" 2>&1); then
    pass "$sentence"
  else
    fail "$sentence"
    indent <<<"command: $*${output:+$'\n'$output}"
  fi
}

# check_not "sentence" COMMAND...: passes when the command fails.
check_not() {
  local sentence=$1
  shift
  check "$sentence" not "$@"
}
not() { ! "$@"; }

# check_equal "sentence" WANTED ACTUAL: shows the difference line by line.
check_equal() {
  if [[ $2 == "$3" ]]; then
    pass "$1"
  else
    fail "$1 (< wanted, > actual)"
    { diff <(echo "$2") <(echo "$3") || true; } | grep '^[<>]' | indent
  fi
}

# wait_until "what" SECONDS COMMAND...: polls until the command succeeds; a check of its own.
wait_until() {
  local what=$1 limit=$2 began
  shift 2
  began=$(tenths)
  until "$@" >/dev/null 2>&1; do
    if (($(tenths) - began > limit * 10)); then
      fail "$what (not within $limit s: $*)"
      return 1
    fi
    sleep 0.05
  done
  pass "$what ($(as_seconds $(($(tenths) - began))))"
}

indent() { sed 's/^/           /'; }

# The last words of a script; its status is 0 only when every check passed.
verdict() {
  local subject=$1 failed=${#CHECKS_FAILED[@]}
  echo
  if ((failed == 0 && CHECKS_PASSED > 0)); then
    printf '%s%sPASSED%s: %s (%d checks, %s)\n' "$BOLD" "$GREEN" "$PLAIN" "$subject" \
      "$CHECKS_PASSED" "$(as_seconds "$(tenths)")"
    return 0
  fi
  printf '%s%sFAILED%s: %s: %d of %d checks failed:\n' "$BOLD" "$RED" "$PLAIN" "$subject" \
    "$failed" $((failed + CHECKS_PASSED))
  printf '   - %s\n' "${CHECKS_FAILED[@]}"
  return 1
}
