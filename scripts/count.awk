# Reads what a suite printed and writes "passed failed skipped". Knows TAP (prove --verbose, pg_regress from 16 on, our
# own scripts), pg_regress up to 15, GoogleTest and libFuzzer's replay. Indented TAP is a subtest and not counted.

/^ok [0-9]+.*# *[Ss][Kk][Ii][Pp]/ { skipped++; next }
/^ok [0-9]/                       { passed++ }
/^not ok [0-9].*# *TODO/          { skipped++; next }
/^not ok [0-9]/                   { failed++ }
/^ *Parse errors:/                { failed++ }	# a test file that died or broke its plan

/ \.\.\. +ok +[0-9]+ ms/          { passed++ }
/ \.\.\. +FAILED/                 { failed++ }

/^\[       OK \] .*ms\)$/         { passed++ }
/^\[  FAILED  \] .*ms\)$/         { failed++ }
/^\[  SKIPPED \] .*ms\)$/         { skipped++ }

/^Executed .* in [0-9]+ ms/       { passed++ }

END { print passed + 0, failed + 0, skipped + 0 }
