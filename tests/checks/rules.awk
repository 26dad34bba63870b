# rules.awk: rules.txt first, then the tests. Prints the table of rules and scenarios, or (check=1)
# what is wrong: unknown keys, comments that belong to no test, rules without a scenario. A rule with
# a fourth field (why not through real daemons) is content with a test of any tier, and needs none
# when that field begins with "not had".
function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
function wrong(text) { print text; bad++ }
FNR == 1 { tier = FILENAME; sub(/^tests\//, "", tier); sub(/\/.*/, "", tier); suite = ""; if (keys) lost() }
function lost() { if (keys) wrong(where ": a rule comment above no test: " keys); keys = "" }

FILENAME ~ /rules\.txt$/ {
	if ($0 ~ /^#/ || $0 ~ /^[ \t]*$/) next
	n = split($0, f, "|")
	key = trim(f[1])
	if (n < 3 || n > 4 || key !~ /^[a-z0-9-]+$/ || key in section) wrong("rules.txt: wrong or twice: " $0)
	order[++rules] = key
	section[key] = trim(f[2]); sentence[key] = trim(f[3]); reason[key] = n > 3 ? trim(f[4]) : ""
	next
}
/^TestSuite\(/ { suite = $0; sub(/^TestSuite\(/, "", suite); sub(/[,)].*/, "", suite) }
/^\/\* rule: / || more {
	if (!more) { lost(); where = FILENAME ":" FNR }
	text = $0; more = text !~ /\*\//
	sub(/^\/\* rule: /, "", text); sub(/^ \* /, "", text); sub(/\*\/.*/, "", text)
	keys = keys " " text
	next
}
keys && /^[A-Za-z_]+\($/ { begun = $0; next }
begun { sub(/^[ \t]+/, ""); $0 = begun $0; begun = "" }
keys && /^[A-Za-z_]+\(/ {
	call = $0; sub(/\(.*/, "", call)
	args = $0; sub(/^[^(]*\(/, "", args); n = split(args, a, /[ \t]*[,)][ \t]*/)
	name = call == "Test" ? a[1] "/" a[2] : suite "/" a[1]
	n = split(keys, word, /[ \t]+/)
	for (i = 1; i <= n; i++) {
		if (word[i] == "") continue
		if (!(word[i] in section)) { wrong(where ": no such rule: " word[i]); continue }
		if (tier == "system") shown[word[i]] = shown[word[i]] (word[i] in shown ? "<br>" : "") "`" name "`"
		else beside[word[i]] = beside[word[i]] (word[i] in beside ? "<br>" : "") tier " `" name "`"
	}
	keys = ""
}
keys && /^[ \t]*$/ { lost() }

END {
	lost()
	for (i = 1; i <= rules; i++) {
		k = order[i]
		if (reason[k] ~ /^not had/) nothad++
		else if (k in shown || (reason[k] != "" && k in beside)) had++
		else missing = missing " " k
	}
	if (check) {
		printf "%d rules, %d shown, %d not had\n", rules, had, nothad
		if (missing) print "without:" missing
		exit bad > 0 || (strict && missing != "")
	}
	print "# Rules of the platform's conversation, and the scenarios that show them\n"
	print "Written by `make rules-table` from `rules.txt` and the comments above the tests; do not edit."
	print "Scenarios run through real daemons (`tests/system`); other tiers are named beside them.\n"
	print "| rule | section | what it says | shown by |\n|---|---|---|---|"
	for (i = 1; i <= rules; i++) {
		k = order[i]
		by = shown[k] (k in shown && k in beside ? "<br>" : "") beside[k]
		if (reason[k] ~ /^not had/) by = reason[k]
		else if (by == "") by = "**nothing yet**"
		else if (reason[k] != "") by = by "<br>(not through daemons: " reason[k] ")"
		printf "| %s | %s | %s | %s |\n", k, section[k], sentence[k], by
	}
	exit bad > 0
}
