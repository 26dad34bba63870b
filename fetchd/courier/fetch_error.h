/*
 * fetch_error: what a failed transfer means to us. libcurl gave up by itself: what is it in our
 * terms, and is another try worth anything?
 */
#ifndef SUBOTA_FETCH_ERROR_H
#define SUBOTA_FETCH_ERROR_H

#include <curl/curl.h>
#include <stdbool.h>

#include "err.h"

enum err fetch_error_of(CURLcode code);
/* Whether it may go away by itself. */
bool fetch_error_is_passing(enum err e);

#endif
