/*
 * conf_help: the table as a commented sample; declared in conf.h. What has a default is a comment
 * with that default, so that the sample says what happens without it; what must be given is not.
 */
#include <stdio.h>

#include "conf_value.h"

static void
print_key(const struct conf_key *k)
{
	char expected[CONF_VALUE_WORDS];

	conf_value_expected(k, expected);
	printf("\n# %s\n# (%s%s)\n", k->help, expected, k->fallback ? "" : "; must be given");
	printf("%s%s =%s%s\n", k->fallback ? "#" : "", k->name,
	    k->fallback && *k->fallback ? " " : "", k->fallback && !k->secret ? k->fallback : "");
}

void
conf_print_help(const struct conf_table *t)
{
	for (size_t i = 0; i < t->n_sections; i++) {
		const struct conf_section *s = &t->sections[i];

		printf("%s[%s%s]\n", i ? "\n" : "", s->name, s->named ? " NAME" : "");
		if (s->named)
			printf("# (at most %zu such sections)\n", s->max_items);
		for (size_t k = 0; k < s->n_keys; k++)
			print_key(&s->keys[k]);
	}
}
