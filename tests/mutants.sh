#!/usr/bin/env bash
# Whether the tests bite: builds the server with one bug at a time, and expects that a test finds it.
#
#   tests/mutants.sh [NAME]...     those named, or all; SIM_SEEDS (2000) is how many stories each is told
#
# A bug is a place in src/ that asks for `cfg!(mutant = "NAME")`. The random stories have to find it, or, if it is
# about which connection makes way for another, the simulation's floods. A bug of the program is found by its unit tests.
# The script prints what has found each bug, and fails if one survives.
set -euo pipefail
cd "$(dirname "$0")/.."

export SIM_SEEDS=${SIM_SEEDS:-2000} RUST_BACKTRACE=0
stories=in_any_story_the_books_agree_and_in_the_end_nothing_is_left
floods=simulation::floods
mapfile -t known < <(grep -rhoE 'mutant = "[a-z_]+"' src | cut -d'"' -f2 | sort -u)
[ "${#known[@]}" -ge 24 ] || { echo "only ${#known[@]} mutants are left in src/"; exit 1; }
[ $# -gt 0 ] || set -- "${known[@]}"

# The path of the test program of the target $1 that is built with the further arguments for the compiler.
build() {
    local target=$1
    shift
    # shellcheck disable=SC2086
    cargo rustc --locked --quiet $target --profile test --message-format json -- "$@" |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

target_of() {
    if grep -rqF "mutant = \"$1\"" src/bin; then echo "--bin fourway"; else echo "--lib"; fi
}

# Runs a test program, and says what has found the mutant, if anything has.
verdict() {
    local program=$1 tests=$2 code=0 output seed
    output=$(timeout "$patience" "$program" $tests 2>&1) || code=$?
    seed=$(sed -n 's/^the story of seed \([0-9]*\) .*/\1/p' <<<"$output" | head -n 1)
    if [ -n "$seed" ]; then
        echo "found by seed $seed"
    elif [ "$code" = 124 ]; then
        echo "found: a test does not end"
    elif [ "$code" -ge 128 ]; then
        echo "found: the test program is aborted"
    elif [ "$code" != 0 ]; then
        echo "found by $(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' <<<"$output" | head -n 1)"
    fi
}

program=$(build --lib)
began=$SECONDS
timeout 600 "$program" "$stories" >/dev/null || { echo "a story goes wrong without any mutant"; exit 1; }
timeout 600 "$program" "$floods" >/dev/null || { echo "a flood goes wrong without any mutant"; exit 1; }
timeout 60 "$(build '--bin fourway')" >/dev/null || { echo "a test of the program fails without any mutant"; exit 1; }
# A test that does not end is found as well, but not one that is only slow.
patience=$((60 + 5 * (SECONDS - began)))

survivors=0
for mutant in "$@"; do
    [[ " ${known[*]} " = *" $mutant "* ]] || { echo "there is no mutant $mutant"; exit 2; }
    target=$(target_of "$mutant")
    program=$(build "$target" --cfg "mutant=\"$mutant\"")
    if [ "$target" = --lib ]; then
        found=$(verdict "$program" "$stories")
        [ -n "$found" ] || found=$(verdict "$program" "$floods")
    else
        patience=60 found=$(verdict "$program" "")
    fi
    printf '%-30s %s\n' "$mutant" "${found:-SURVIVES}"
    [ -n "$found" ] || survivors=$((survivors + 1))
done
[ "$survivors" = 0 ] || { echo "$survivors of $# survive"; exit 1; }
