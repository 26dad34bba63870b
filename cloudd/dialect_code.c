/*
 * dialect_code: what the platform's codes mean to a person (spec: developer center, section 7);
 * declared in dialect.h.
 */
#include "dialect.h"

/* clang-format off */
static const struct {
	int code;
	const char *text;
} rows[] = {
	{10420, "bad request data"},
	{10421, "this device may not register: its product has static secrets"},
	{10422, "already registered: reset it in the console, or restore its device secret"},
	{10423, "unknown product key"},
	{10424, "password not readable: is the product secret right?"},
	{10425, "wrong signature: is the product secret right?"},
	{10426, "version of the authentication not supported"},
	{10427, "malformed random part of the password"},
	{10428, "too many messages"},
	{10429, "quota used up"},
	{10430, "the device secret is not the platform's"},
	{10431, "malformed device key"},
	{10436, "wrong user name"},
	{10437, "the device secret is not the platform's"},
	{10438, "no such device"},
	{10440, "the sub-device does not belong to this gateway"},
	{10442, "the sub-device is not logged in"},
};
/* clang-format on */

const char *
dialect_code_text(int64_t code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return rows[i].text;
	return "a code of the platform";
}
