/*
 * mqtt_text: what MQTT 3.1.1 allows in a text and in a topic; for parser and formatter alike. Pure.
 */
#ifndef SUBOTA_MQTT_TEXT_H
#define SUBOTA_MQTT_TEXT_H

#include "mqtt.h"

/* UTF-8 without NUL, surrogates and overlong forms (1.5.3); may be empty. */
bool mqtt_text_is_utf8(struct mqtt_bytes b);

/* A topic to publish to: not empty, no wildcards (3.3.2.1). */
bool mqtt_text_is_name(struct mqtt_bytes b);

/* A topic to subscribe to: not empty, wildcards only as whole levels (4.7.1). */
bool mqtt_text_is_filter(struct mqtt_bytes b);

#endif
