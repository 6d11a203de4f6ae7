#!/usr/bin/env bash
# Whether the tests find bugs: applies one bug at a time to a copy of the sources, and expects that a test finds it.
#
#   tests/mutants.sh [NAME]...     the mutants of these names, or all; SIM_SEEDS (2000) is the number of stories
#   tests/mutants.sh --check       checks that every mutant applies, and builds nothing
#   tests/mutants.sh --apply NAME  prints the path of a copy that has this bug
#
# A mutant is a file in tests/mutants/. Its first line says what the bug is. Then comes the path of a file, and for each
# edit two lines: "- " and a text that occurs once in that file, "+ " and its replacement. The text need not be a whole
# line: the shorter it is, the fewer changes of the sources break the mutant.
#
# The random stories or the simulation's floods have to find each bug of the library, and the unit tests of the program
# each bug of the program. The script prints what has found each mutant. It fails if one survives, does not apply or
# does not compile.
set -euo pipefail
cd "$(dirname "$0")/.."

export SIM_SEEDS=${SIM_SEEDS:-2000} RUST_BACKTRACE=0
# Nobody debugs these programs. Optimised ones would run faster, but their builds cost more than that saves.
export CARGO_PROFILE_TEST_DEBUG=0
stories=in_any_story_the_books_agree_and_in_the_end_nothing_is_left
floods=simulation::floods

fail() { echo "$*" >&2; exit 1; }

known=(tests/mutants/*)
known=("${known[@]#tests/mutants/}")
[ "${#known[@]}" -ge 83 ] || fail "only ${#known[@]} mutants are left in tests/mutants/"
mode=run
case ${1:-} in --check | --apply) mode=${1#--}; shift ;; esac
[ "$mode" != apply ] || [ $# = 1 ] || fail "--apply takes the name of one mutant"
[ $# -gt 0 ] || set -- "${known[@]}"
for mutant in "$@"; do
    [[ " ${known[*]} " = *" $mutant "* ]] || fail "there is no mutant $mutant"
done

# The copied files are newer than the last build of them, so cargo builds them again.
home=$PWD/target/mutants mutants=$PWD/tests/mutants
if [ "$mode" = check ]; then
    home=$(mktemp -d)
    trap 'rm -r "$home"' EXIT
fi
tree=$home/tree programs=$home/programs
rm -rf "$tree" "$programs" "$home/src" "$home/found"
mkdir -p "$tree" "$programs"
tar --exclude-vcs --exclude=target --create . | tar --extract --touch --directory "$tree"
cp -r "$tree/src" "$home/src"

# Applies the mutant $1 to the copy.
apply() {
    local line file='' old='' text count edits=0
    while IFS= read -r line; do
        case $line in
        '') ;;
        src/*) file=$line ;;
        '- '*) old=${line#- } ;;
        '+' | '+ '*)
            count=$(grep -oF -- "$old" "$tree/$file" | wc -l) || true
            [ "$count" = 1 ] || fail "the mutant $1 does not apply: in $file this occurs $count times, not once: $old"
            text=$(<"$tree/$file") line=${line#+}
            printf '%s\n' "${text/"$old"/"${line# }"}" >"$tree/$file"
            edits=$((edits + 1))
            ;;
        *) fail "the mutant $1 has a line that is no path and no edit: $line" ;;
        esac
    done < <(tail -n +2 "$mutants/$1")
    [ "$edits" -gt 0 ] || fail "the mutant $1 has no edit"
}

is_of_program() { grep -q '^src/bin/' "$mutants/$1"; }
restore() { cp -r "$home/src" "$tree"; }

if [ "$mode" = apply ]; then
    apply "$1"
    echo "$tree"
    exit
fi
# All are checked before anything is built, because that takes only a moment.
for mutant in "$@"; do apply "$mutant"; restore; done
if [ "$mode" = check ]; then
    echo "$# mutants apply"
    exit
fi

# Builds the test program of the target $1, and moves it to the path $2.
build() {
    local built
    # shellcheck disable=SC2086
    built=$(cargo test --locked --no-run $1 --target-dir "$home/target" --message-format json-render-diagnostics \
        2>"$home/errors" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p') && mv "$built" "$2"
}

# Runs the program $2 with the further arguments for at most $1 seconds, and prints what has found the mutant, if anything.
verdict() {
    local output code=0 seed
    output=$(timeout "$1" "$2" "${@:3}" 2>&1) || code=$?
    seed=$(sed -n 's/^the story of seed \([0-9]*\) .*/\1/p' <<<"$output" | head -n 1)
    if [ -n "$seed" ]; then
        echo "found by seed $seed"
    elif [ "$code" = 124 ]; then
        echo "found: a test does not end"
    elif [ "$code" -ge 78 ]; then
        echo "found: the test program is aborted"
    elif [ "$code" != 0 ]; then
        echo "found by $(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' <<<"$output" | head -n 1)"
    fi
}

# Runs the tests that have to find the mutant $1, and prints a line about it.
try() {
    local program=$programs/$1 found
    if is_of_program "$1"; then
        found=$(verdict 10 "$program")
    else
        # A hundred stories find most mutants, and take a second.
        found=$(SIM_SEEDS=100 verdict "$patience" "$program" "$stories")
        [ -n "$found" ] || found=$(verdict "$patience" "$program" "$floods")
        [ -n "$found" ] || found=$(verdict "$patience" "$program" "$stories")
    fi
    rm "$program"
    printf '%-30s %s\n' "$1" "${found:-SURVIVES}"
    [ -z "$found" ] || echo "$1" >>"$home/found"
}

cd "$tree"
touch "$home/found"
{ build --lib "$programs/lib" && build '--bin fourway' "$programs/bin"; } || fail "$(<"$home/errors")"
began=$SECONDS
timeout 600 "$programs/lib" "$stories" "$floods" >/dev/null || fail "a story or a flood goes wrong without any mutant"
timeout 10 "$programs/bin" >/dev/null || fail "a test of the program fails without any mutant"
# A test that does not end is found as well, but not one that is only slow.
patience=$((60 + 5 * (SECONDS - began)))

# The next mutant is built while the tests of others run.
for mutant in "$@"; do
    apply "$mutant"
    is_of_program "$mutant" && target='--bin fourway' || target=--lib
    if build "$target" "$programs/$mutant"; then
        while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
        try "$mutant" &
    else
        printf '%-30s DOES NOT COMPILE\n%s\n' "$mutant" "$(<"$home/errors")"
    fi
    restore
done
wait
found=$(wc -l <"$home/found")
[ "$found" = $# ] || fail "$(($# - found)) of $# mutants are not found"
