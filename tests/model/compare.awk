# SPDX-License-Identifier: MIT
#
# compare.awk - one machine's lines against the model's, difference by difference against exceptions.txt.
#
#   awk -v machine=qemu -f compare.awk exceptions.txt model.txt forget.txt qemu.txt
#
# A line of output is: key operation result value flags. See exceptions.txt for what an exception may be.

function trim(text) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    return text
}

# A pattern in which * stands for anything, as a regular expression.
function to_expression(pattern) {
    gsub(/[][.+?(){}^$\\]/, "\\\\&", pattern)
    gsub(/\*/, ".*", pattern)
    return "^" pattern "$"
}

# The flags with the accessed bits of entries above the page's own struck out.
function without_tables(flags) {
    gsub(/E2[a-]/, "E2-", flags)
    gsub(/E3[a-]/, "E3-", flags)
    gsub(/E4[a-]/, "E4-", flags)
    gsub(/E5[a-]/, "E5-", flags)
    return flags
}

function rest(line) {
    sub(/^[^ ]+ /, "", line)
    return line
}

# The same without what an exception of the kind "ignore" strikes out.
function strip(key, said,    i) {
    for (i = 1; i <= exceptions; i++) {
        if (kind[i] == "ignore" && key ~ lines_of[i])
            gsub(ignored[i] "[a-][d-]", "", said)
    }
    return said
}

# #PF:8 for #PF:9: the error code without bit 0.
function lacks_present_bit(said, expected,    digits) {
    digits = "0123456789abcdef"
    return said ~ /^#PF:/ && substr(said, 1, length(said) - 1) == substr(expected, 1, length(expected) - 1) && \
        index(digits, substr(said, length(said))) + 1 == index(digits, substr(expected, length(expected)))
}

# Whether exception i covers a line on which the machine says `said` where the model says `expected`.
function covers(i, key, said, expected, fresh,    s, e) {
    if (key !~ lines_of[i])
        return 0
    if (kind[i] == "fresh")
        return said == fresh
    split(said, s, " ")
    split(expected, e, " ")
    if (kind[i] == "bit-0")
        return s[1] == e[1] && lacks_present_bit(s[2], e[2]) && s[3] == e[3] && without_tables(s[4]) == without_tables(e[4])
    if (kind[i] == "tables")
        return s[2] ~ /^#/ && s[1] == e[1] && s[2] == e[2] && s[3] == e[3] && without_tables(s[4]) == without_tables(e[4])
    return said ~ kind[i]
}

function check(key, said, expected, fresh,    i, found) {
    differences++
    if (strip(key, said) == strip(key, expected)) {
        for (i = 1; i <= exceptions; i++)
            used[i] += kind[i] == "ignore" && key ~ lines_of[i]
        return
    }
    said = strip(key, said)
    expected = strip(key, expected)
    fresh = strip(key, fresh)
    for (i = 1; i <= exceptions; i++) {
        if (kind[i] != "ignore" && covers(i, key, said, expected, fresh)) {
            used[i]++
            found = 1
        }
    }
    if (!found) {
        unexplained++
        print machine ": " key ": the model says " expected ", the machine " said
    }
}

FNR == 1 { file++ }

file == 1 {
    if ($0 ~ /^[ \t]*(#|$)/ || split($0, part, "|") < 4 || trim(part[1]) != machine)
        next
    exceptions++
    source[exceptions] = FNR
    lines_of[exceptions] = to_expression(trim(part[2]))
    kind[exceptions] = trim(part[3])
    if (kind[exceptions] ~ /^ignore /) {
        ignored[exceptions] = substr(kind[exceptions], 8)
        kind[exceptions] = "ignore"
    } else if (kind[exceptions] !~ /^(fresh|tables|bit-0|absent)$/)
        kind[exceptions] = to_expression("* " kind[exceptions] " *")
    next
}

file == 2 {
    order[++count] = $1
    model[$1] = rest($0)
    next
}

file == 3 { forget[$1] = rest($0); next }

{
    if ($3 == "not-there") {
        scenario = $1
        sub(/\/0$/, "/", scenario)
        absent[scenario] = 1
        next
    }
    machine_says[$1] = rest($0)
}

END {
    for (n = 1; n <= count; n++) {
        key = order[n]
        scenario = key
        sub(/[^\/]*$/, "", scenario)
        if (scenario in absent) {
            skipped++
            covered = 0
            for (i = 1; i <= exceptions; i++) {
                if (kind[i] == "absent" && key ~ lines_of[i]) {
                    used[i]++
                    covered = 1
                }
            }
            if (!covered) {
                unexplained++
                print machine ": " key ": the machine has not got what it needs"
            }
        } else if (!(key in machine_says)) {
            unexplained++
            print machine ": " key ": no answer"
        } else if (machine_says[key] == model[key]) {
            same++
        } else {
            check(key, machine_says[key], model[key], forget[key])
        }
    }
    for (i = 1; i <= exceptions; i++) {
        if (!used[i]) {
            unexplained++
            print machine ": exceptions.txt:" source[i] ": explains nothing"
        }
    }
    printf "%s: %d lines alike, %d different by a listed exception, %d not there, %d unexplained\n", machine, same,
        differences, skipped, unexplained
    exit unexplained != 0
}
