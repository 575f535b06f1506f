/* Reading reports: members by name, forgiving about those that are missing or null. */
#pragma once

#include <jansson.h>
#include <time.h>

static inline const char *report_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static inline long long report_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static inline time_t report_time(const json_t *object, const char *name)
{
    return (time_t)report_number(object, name);
}
