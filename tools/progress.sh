# SPDX-License-Identifier: MIT
#
# progress.sh - what may take longer than two seconds says on a terminal what it is at and how far: in one line, which is
# wiped when it is done. Nothing of it goes anywhere else. To be read with ".".

# progress_seen: is there anybody to see it?
progress_seen()
{
    [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]
}

# progress WORDS: the line is this now. Short enough for 80 columns, because only one line can be wiped.
progress()
{
    ! progress_seen || printf '\r\033[K%.79s' "$1" >&2
}

progress_done()
{
    ! progress_seen || printf '\r\033[K' >&2
}

# progress_make WORDS MAKE...: runs a make that may have much to do, quietly but for what compilers say, and counts the
# files that it writes. How many there are to write, make itself is asked first. The result is make's; what compilers say
# goes to standard output.
progress_make()
{
    words=$1
    shift
    if ! progress_seen; then
        "$@" -s 2>&1
        return
    fi
    all=$("$@" -n 2>/dev/null | grep -c ' -o ')
    [ "$all" -gt 0 ] || all='?'
    # Its status goes by another way, since the last of a pipe has the word.
    exec 9>&1
    result=$({ { "$@" 2>&1; echo $? >&8; } | progress_count "$words" "$all" >&9; } 8>&1)
    exec 9>&-
    progress_done
    return "$result"
}

# progress_count WORDS ALL: passes on what is not the name of a step.
progress_count()
{
    count=0
    progress "$1"
    while IFS= read -r line; do
        case $line in
        *' -o '*) count=$((count + 1)) && progress "$1: $count of $2 files" ;;
        'sh tools/'* | 'ar '* | 'rm '* | 'mkdir '* | 'make'*': '*'up to date'* | 'make'*': Nothing to be done'*) ;;
        *) printf '%s\n' "$line" ;;
        esac
    done
}
