# SPDX-License-Identifier: MIT
#
# run.sh - which lines and branches of mm/ the unit tests and the host tests run, on the 64-bit host: built without
# optimisation, counted by gcc, summed up by report.pl. TAP.
cd "$(dirname "$0")/../.." || exit 1

build=build/host/coverage
for tool in gcov perl; do
    command -v $tool >/dev/null 2>&1 || { echo "1..0 # SKIP no $tool" && exit 0; }
done
make -s $build/unit $build/host $build/machine || exit 1
find $build -name '*.gcda' -exec rm -f {} +
for program in unit host machine; do
    timeout -k 10 900 $build/$program >$build/$program.tap || {
        echo "# $build/$program failed:"
        grep '^not ok' $build/$program.tap | sed 's/^/# /'
        echo "Bail out! figures of tests that fail mean nothing"
        exit 1
    }
    echo "# $program: $(grep -c '^ok' $build/$program.tap) tests"
done
perl tests/coverage/report.pl tests/coverage/justified.txt $build
