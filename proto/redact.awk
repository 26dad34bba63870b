# From what `protoc --decode=google.protobuf.FileDescriptorSet` says of the schema: a row of C for each field
# with a decision, `{&pb__fetch_order__descriptor, 4, PB__REDACT__REDACT_ADDRESSES},`. Messages inside of messages
# there are none.
$2 == "{" { block[++depth] = $1; if ($1 == "field") number = "" }
$1 == "}" { depth-- }
depth == 2 && block[2] == "message_type" && $1 == "name:" {
	gsub(/"/, "", $2)
	gsub(/[A-Z]/, "_&", $2)
	message = "pb_" tolower($2)
}
depth == 3 && block[3] == "field" && $1 == "number:" { number = $2 }
depth == 4 && block[3] == "field" && $1 == "[subota.v1.redact]:" {
	printf "{&%s__descriptor, %d, PB__REDACT__%s},\n", message, number, $2
}
depth > 3 && block[3] == "nested_type" && $1 == "name:" { print "#error nested messages are not looked at"; exit }
