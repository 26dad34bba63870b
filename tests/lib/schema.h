/*
 * schema: what stands in proto/schema.lock and in proto/routes.md, rendered from the descriptors
 * and the route table that are linked in. Used by the tests that compare and by the tool that
 * writes.
 */
#ifndef SUBOTA_TESTS_SCHEMA_H
#define SUBOTA_TESTS_SCHEMA_H

/* One line per field of every message and per value of every enum of our two schemas:
 * `subota.v1.Envelope 10 hello oneof body subota.v1.Hello`. Heap. */
char *schema_lines(void);

/* The route table as a table in Markdown. Heap. */
char *schema_routes(void);

#define SCHEMA_LOCK "proto/schema.lock"
#define SCHEMA_ROUTES "proto/routes.md"
#define SCHEMA_BEGIN "<!-- routes: written by `make routes-table` -->\n"
#define SCHEMA_END "<!-- end of routes -->\n"

#endif
