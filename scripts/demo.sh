#!/bin/sh
# The main job against the sandbox, step by step; everything it makes is in .demo and is made anew each time.
set -eu
cd "$(dirname "$0")/.."

rm -rf .demo
mkdir .demo
journal=.demo/journal.sqlite
export XDG_STATE_HOME="$PWD/.demo/state"
export ROKT_EXPORT_KEY_FILE="$PWD/.demo/key"
step=0

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
    bold='' plain=''
fi

# tell TEXT: one line of the run_report.
tell() {
    step=$((step + 1))
    printf '\n%s%s. %s%s\n' "$bold" "$step" "$1" "$plain"
}

# expect STATUS COMMAND...: show a command and run it; any other exit status ends the demo.
expect() {
    wanted=$1
    shift
    printf '$ %s\n' "$*"
    status=0
    "$@" || status=$?
    if [ "$status" -ne "$wanted" ]; then
        printf 'the demo failed: exit status %s, not %s: %s\n' "$status" "$wanted" "$*" >&2
        exit 1
    fi
}

tell "One file describes the partner. Is it complete?"
expect 0 rokt-export validate sample_specs/mailchimp.yaml

tell "What would be sent for one person? Nothing is sent, and no credential is needed."
expect 0 rokt-export render sample_specs/mailchimp.yaml sample_events/few.csv --test-data

tell "Three rows of test data to a partner made from that spec."
expect 0 rokt-export test sample_specs/mailchimp.yaml --sandbox --forget --count 3 --journal "$journal"

tell "A file of five people, once: all are new to the partner."
expect 0 rokt-export test sample_specs/mailchimp.yaml sample_events/few.csv --test-data --sandbox --journal "$journal"

tell "The same file again: they already exist at the partner. An unexpected outcome, so the exit status is 1."
expect 1 rokt-export test sample_specs/mailchimp.yaml sample_events/few.csv --test-data --sandbox --journal "$journal"

tell "A thousand rows, as dirty as real exports are; each is in the journal before it is sent."
expect 0 rokt-export replay sample_specs/mailchimp.yaml sample_events/thousand.csv --test-data --sandbox --forget --name thousand --journal "$journal"

tell "What happened, from the journal: for a spreadsheet, and for a browser."
expect 0 rokt-export report thousand --out .demo/thousand.csv --out .demo/thousand.html --journal "$journal"
expect 0 rokt-export runs list --journal "$journal"

printf '\nDone. Look at .demo/thousand.html, or ask the journal:\n'
printf '  .venv/bin/rokt-export runs show thousand --journal %s\n' "$journal"
printf 'To run the commands above as they stand: . .venv/bin/activate\n'
