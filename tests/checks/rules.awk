# rules.awk: the list of rules (.txt) first, then the tests. Prints the table of rules and scenarios,
# or (check=1) what is wrong: unknown keys, comments that belong to no test, rules without a scenario.
# word: how the comment above a test begins. A rule with a fourth field (why not through real daemons),
# or with any=1 every rule, is content with a test of any tier; none is needed when that field begins
# with "not had". Lines of the list that begin with "= " are the table's head.
BEGIN { begins = "^/\\* " word ": " }
function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
function add(list, key, text,  before) { if (key in list) before = list[key] "<br>"; list[key] = before text }
function wrong(text) { print text; bad++ }
FNR == 1 { tier = FILENAME; sub(/^tests\//, "", tier); sub(/\/.*/, "", tier); suite = ""; if (keys) lost() }
function lost() { if (keys) wrong(where ": a rule comment above no test: " keys); keys = "" }

FILENAME ~ /\.txt$/ {
	if (sub(/^= ?/, "")) { head = head $0 "\n"; next }
	if ($0 ~ /^#/ || $0 ~ /^[ \t]*$/) next
	n = split($0, f, "|")
	key = trim(f[1])
	if (n < 3 || n > 4 || key !~ /^[a-z0-9-]+$/ || key in section) wrong(FILENAME ": wrong or twice: " $0)
	order[++rules] = key
	section[key] = trim(f[2]); sentence[key] = trim(f[3]); reason[key] = n > 3 ? trim(f[4]) : ""
	next
}
/^TestSuite\(/ { suite = $0; sub(/^TestSuite\(/, "", suite); sub(/[,)].*/, "", suite) }
$0 ~ begins || more {
	if (!more) { lost(); where = FILENAME ":" FNR }
	text = $0; more = text !~ /\*\//
	sub(begins, "", text); sub(/^ \* /, "", text); sub(/\*\/.*/, "", text)
	keys = keys " " text
	next
}
keys && /^[A-Za-z_]+\($/ { begun = $0; next }
begun { sub(/^[ \t]+/, ""); $0 = begun $0; begun = "" }
keys && /^[A-Za-z_]+\(/ {
	call = $0; sub(/\(.*/, "", call)
	args = $0; sub(/^[^(]*\(/, "", args); n = split(args, a, /[ \t]*[,)][ \t]*/)
	name = call == "Test" ? a[1] "/" a[2] : suite "/" a[1]
	n = split(keys, w, /[ \t]+/)
	for (i = 1; i <= n; i++) {
		if (w[i] == "") continue
		if (!(w[i] in section)) { wrong(where ": no such rule: " w[i]); continue }
		if (tier == "system") add(shown, w[i], "`" name "`")
		else add(beside, w[i], tier " `" name "`")
	}
	keys = ""
}
keys && /^[ \t]*$/ { lost() }

END {
	lost()
	for (i = 1; i <= rules; i++) {
		k = order[i]
		if (reason[k] ~ /^not had/) nothad++
		else if (k in shown || ((any || reason[k] != "") && k in beside)) had++
		else missing = missing " " k
	}
	if (check) {
		printf "%d rules (%s), %d shown, %d not had\n", rules, word, had, nothad
		if (missing) print "without:" missing
		exit bad > 0 || (strict && missing != "")
	}
	printf "%s", head
	print "| rule | section | what it says | shown by |\n|---|---|---|---|"
	for (i = 1; i <= rules; i++) {
		k = order[i]
		by = (k in shown ? shown[k] : "") (k in shown && k in beside ? "<br>" : "") (k in beside ? beside[k] : "")
		if (reason[k] ~ /^not had/) by = reason[k]
		else if (by == "") by = "**nothing yet**"
		else if (reason[k] != "") by = by "<br>(" (any ? "" : "not through daemons: ") reason[k] ")"
		printf "| %s | %s | %s | %s |\n", k, section[k], sentence[k], by
	}
	exit bad > 0
}
