# Facts of C sources, one per line: "FACT VALUE WHERE". Relies on the layout of this code base: a
# function's braces stand in column 1, a type's or a table's do not. A table aligned by hand, between
# "clang-format off" and "on", may be wider than the page: its columns say more than the width costs.

function flush_file() {
	if (file == "")
		return
	if (file ~ /\.c$/)
		print "file", lines, file
	kind = file ~ /^tests\/(devcenter|subdevices|demo)\// ? "peer" : file ~ /^tests\// ? "test" : "code"
	print kind, lines, file
}

# The line without comments, strings and character constants.
function bare(s,    out, i, c) {
	out = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (comment) {
			if (substr(s, i, 2) == "*/") { comment = 0; i++ }
		} else if (quote != "") {
			if (c == "\\") i++
			else if (c == quote) quote = ""
		} else if (substr(s, i, 2) == "/*") { comment = 1; i++ }
		else if (substr(s, i, 2) == "//") break
		else if (c == "\"" || c == "'") quote = c
		else out = out c
	}
	quote = ""
	return out
}

function columns(s,    i, n) {
	n = 0
	for (i = 1; i <= length(s); i++)
		if (substr(s, i, 1) == "\t") n += 8 - n % 8
		else if (substr(s, i, 1) < "\200" || substr(s, i, 1) > "\277") n++ # not inside a UTF-8 character
	return n
}

/clang-format off/ { table = 1 }
/clang-format on/ { table = 0 }
FNR == 1 { flush_file(); file = FILENAME; comment = table = 0; quote = ""; inside = 0; depth = 0; guard = "" }
{ lines = FNR; text = bare($0) }

!table && length($0) > 12 && (n = columns($0)) > 100 { print "wide", n, FILENAME ":" FNR }
text ~ /(^|[^A-Za-z0-9_])goto[^A-Za-z0-9_]/ { print "goto", 1, FILENAME ":" FNR }

text ~ /^#[ \t]*if/ { print "if", 1, FILENAME ":" FNR; guard = text ~ /^#ifndef/ ? $2 : "" ; next }
text ~ /^#define/ && guard != "" && $2 == guard { print "if", -1, FILENAME ":" FNR }
{ guard = "" }
text ~ /^#/ { next }

text ~ /^\{/ { inside = 1; start = FNR; depth = 0; deepest = 0; next }
inside && text ~ /^\}/ {
	print "function", FNR - start + 1, FILENAME ":" start
	print "nesting", deepest, FILENAME ":" start
	inside = 0
	next
}
inside {
	opened = gsub(/\{/, "{", text)
	closed = gsub(/\}/, "}", text)
	depth += opened - closed
	if (depth > deepest) deepest = depth
}
END { flush_file() }
