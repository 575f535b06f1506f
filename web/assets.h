/* Style sheet, script, logo, icon: read once, served under names that hold their hash
   (/static/HASH/style.css), so that browsers may keep them for a year. The style sheet gets the
   configured colours in front. Way in: assets_load(). */
#pragma once

#include "settings.h"

#include "cleanup.h"

#include <stddef.h>

#define ASSET_MAX 262144u

enum asset {
    ASSET_STYLE,
    ASSET_SCRIPT,
    ASSET_LOGO, /* "" where none is configured */
    ASSET_ICON,
    ASSETS,
};

struct assets;

/* Problems (a file that is missing or too large, what isn't a colour) are logged. */
int assets_load(const struct settings *settings, struct assets **ret);
struct assets *assets_free(struct assets *assets);
DEFINE_CLEANUP(struct assets, assets_free)
/* Its path, for templates. */
const char *assets_path(const struct assets *assets, enum asset asset);
/* What is served under path; 0 or -ENOENT. Valid until assets_free(). */
int assets_find(const struct assets *assets, const char *path, const void **ret, size_t *ret_size,
                const char **ret_type);
