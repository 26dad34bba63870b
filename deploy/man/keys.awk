# The sample that `subotactl config` prints, as lists of subota.conf(5). Used by `make manual-keys` and by the test
# that compares.
function flush() { if (open) print ".El"; open = 0 }
function text(s) { if (s ~ /^[.']/) s = "\\&" s; return s }
/^\[/ { flush(); print ".Ss " $0; next }
/^# \(at most/ { sub(/^# \(/, ""); sub(/\)$/, ""); print "There are " text($0) "."; next }
/^# \(/ { expected = $0; sub(/^# \(/, "", expected); sub(/\)$/, "", expected); next }
/^# / { help = substr($0, 3); next }
/=/ {
	if (!open) print ".Bl -tag -width Ds"
	open = 1
	key = $0; sub(/ =.*/, "", key); sub(/^#/, "", key)
	value = $0; sub(/^[^=]*= ?/, "", value)
	given = $0 !~ /^#/
	sub(/; must be given$/, "", expected)
	print ".It Ic " key
	print text(help)
	gsub(/ \(units [^)]*\)/, "", expected)
	print "Expected: " expected "; " (given ? "must be given" : "default " (value == "" ? "empty" : value)) "."
}
END { flush() }
