#!/usr/bin/env bash
# Whether the simulation bites: builds the server with one bug at a time, and expects that a story finds it.
#
#   tests/mutants.sh [NAME]...     those named, or all; SIM_SEEDS (2000) is how many stories each is told
#
# A bug is a place in src/ that asks for `cfg!(mutant = "NAME")`. For each it prints the seed of the story
# that went wrong, and it fails if one survives them all.
set -euo pipefail
cd "$(dirname "$0")/.."

export SIM_SEEDS=${SIM_SEEDS:-2000} RUST_BACKTRACE=0
stories=in_any_story_the_books_agree_and_in_the_end_nothing_is_left
mapfile -t known < <(grep -rhoE 'mutant = "[a-z_]+"' src | cut -d'"' -f2 | sort -u)
[ "${#known[@]}" -ge 16 ] || { echo "only ${#known[@]} mutants are left in src/"; exit 1; }
[ $# -gt 0 ] || set -- "${known[@]}"

# The path of the test program that is built with these further arguments for the compiler.
build() {
    cargo rustc --locked --quiet --lib --profile test --message-format json -- "$@" |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

program=$(build)
began=$SECONDS
timeout 600 "$program" "$stories" >/dev/null || { echo "a story goes wrong without any mutant"; exit 1; }
# A story that does not end is found as well, but not one that is only slow.
patience=$((60 + 5 * (SECONDS - began)))

survivors=0
for mutant in "$@"; do
    [[ " ${known[*]} " = *" $mutant "* ]] || { echo "there is no mutant $mutant"; exit 2; }
    program=$(build --cfg "mutant=\"$mutant\"")
    code=0
    output=$(timeout "$patience" "$program" "$stories" 2>&1) || code=$?
    seed=$(sed -n 's/^the story of seed \([0-9]*\) .*/\1/p' <<<"$output" | head -n 1)
    if [ -n "$seed" ]; then
        printf '%-30s found by seed %s\n' "$mutant" "$seed"
    elif [ "$code" = 124 ]; then
        printf '%-30s found: a story does not end\n' "$mutant"
    else
        printf '%-30s SURVIVES %s stories\n' "$mutant" "$SIM_SEEDS"
        survivors=$((survivors + 1))
    fi
done
[ "$survivors" = 0 ] || { echo "$survivors of $# survive"; exit 1; }
