# Draws the medians: a row for each setting of synchronous_commit and one for arrays, a column for each scenario. Called with
# the file of cells (kind, scenario, synchronous_commit, clients, then the rate of each way, 0 where there is none) and the
# file to write.
cells = ARG1
commits = system(sprintf("awk '$1 == \"calls\" { print $3 }' '%s' | sort -ru", cells))
height = words(commits) + 1
set terminal svg size 1000,(20 + 280 * height) font "sans-serif,12" noenhanced background rgb "white"
set output ARG2
set style data histograms
set style histogram clustered gap 1
set style fill solid noborder
set boxwidth 0.95
set border 3 lc rgb "#888888"
set tics nomirror scale 0 textcolor rgb "#333333"
set grid ytics lt 1 lc rgb "#dddddd"
set yrange [0:*]

# Colours that the colour-blind tell apart.
array colour[5] = ["#0072b2", "#999999", "#e69f00", "#cc79a7", "#56b4e9"]
array way[5] = ["contact_upsert", "bare statement", "PL/pgSQL", "driver", "COPY, no upsert"]
array scenario[3] = ["create", "change", "unchanged"]
array heading[3] = ["create", "something changes", "nothing changes"]
rows(kind, i, commit) = \
	sprintf("< awk '$1 == \"%s\" && $2 == \"%s\" && $3 ~ /^%s$/' '%s'", kind, scenario[i], commit, cells)

# A key over all plots; gnuplot's own would belong to one, and not be wider than it.
set multiplot layout height, 3 margins 0.08, 0.99, 0.18 / height, 1 - 0.3 / height spacing 0.05, 0.3 / height
unset key
do for [w = 1:5] {
	x = 0.17 * w - 0.07
	set object w rectangle from screen x, 1 - 0.11 / height to screen x + 0.016, 1 - 0.055 / height fc rgb colour[w] fs solid noborder
	set label w way[w] at screen x + 0.024, 1 - 0.0825 / height
}
set title offset 0, -0.5
set xlabel "clients" offset 0, 0.5
do for [commit in commits] {
	set ylabel sprintf("thousand calls a second\nsynchronous_commit = %s", commit)
	do for [i = 1:3] {
		set title heading[i]
		plot for [w = 1:4] rows("calls", i, commit) using (column(4 + w) / 1000):xtic(4) lc rgb colour[w]
		unset for [w = 1:5] object w
		unset for [w = 1:5] label w
		unset ylabel
	}
}
set xlabel "synchronous_commit"
set ylabel "thousand contacts a second\nin arrays of 1,000"
do for [i = 1:3] {
	set title heading[i]
	plot for [w in "1 2 3 5"] rows("arrays", i, ".*") using (column(4 + w) / 1000):xtic(3) lc rgb colour[0 + w]
	unset ylabel
}
unset multiplot
