/* What pages are made of besides HTML; assets_load() is the way in. */
#include "config.h"

#include "assets.h"

#include "buffer.h"
#include "colour.h"

#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BYTES 16
#define HASH_SIZE  (2 * HASH_BYTES + 1)
#define PATH_SIZE  64

struct file {
    char *data;
    size_t size;
    const char *type;
    char path[PATH_SIZE]; /* "": there is none */
};

struct assets {
    struct file file[ASSETS];
};

static const struct {
    const char *name, *type;
} shipped[ASSETS] = {
    [ASSET_STYLE] = {"style.css", "text/css; charset=utf-8"},
    [ASSET_SCRIPT] = {"portal.js", "text/javascript; charset=utf-8"},
    [ASSET_ICON] = {"icon.svg", "image/svg+xml"},
};

static const struct {
    const char *suffix, *name, *type;
} logos[] = {
    {".svg", "logo.svg", "image/svg+xml"},
    {".png", "logo.png", "image/png"},
};

struct assets *assets_free(struct assets *assets)
{
    for (size_t i = 0; assets && i < ASSETS; i++)
        free(assets->file[i].data);
    free(assets);
    return NULL;
}

static int refuse(const char *what, const char *why)
{
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s: %s", what, why);
    return -EINVAL;
}

static void name_file(struct file *file, const char *name, const char *type)
{
    unsigned char hash[HASH_BYTES];
    char text[HASH_SIZE];

    crypto_generichash(hash, sizeof hash, (const unsigned char *)file->data, file->size, NULL, 0);
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    snprintf(file->path, sizeof file->path, "/static/%s/%s", text, name);
    file->type = type;
}

static int read_file(const char *path, struct file *file)
{
    uint8_t *data;
    int r = file_read(path, ASSET_MAX, &data, &file->size);

    if (r < 0)
        return refuse(path, strerror(-r));
    file->data = (char *)data;
    return 0;
}

/* The comment in front is for those who write templates. */
static const char *without_comment(const char *style)
{
    const char *end = strncmp(style, "/*", 2) == 0 ? strstr(style, "*/") : NULL;

    return end ? end + 2 : style;
}

static int colours(const struct settings *settings, char ret[static COLOUR_STYLE_SIZE])
{
    struct colours light, dark;

    if (colours_make(settings->colour, COLOUR_LIGHT, &light) < 0)
        return refuse("[site] colour", "isn't #rrggbb");
    if (colours_make(settings->colour_dark, COLOUR_DARK, &dark) < 0)
        return refuse("[site] colour_dark", "isn't #rrggbb");
    snprintf(ret, COLOUR_STYLE_SIZE,
             ":root{--colour:%s;--on-colour:%s;--link:%s;"
             "--colour-dark:%s;--on-colour-dark:%s;--link-dark:%s}\n",
             light.colour, light.on, light.link, dark.colour, dark.on, dark.link);
    return 0;
}

static int paint(const struct settings *settings, struct file *style)
{
    _cleanup_(buffer_clear) struct buffer painted = BUFFER(ASSET_MAX);
    char front[COLOUR_STYLE_SIZE];
    int r = colours(settings, front);

    if (r < 0)
        return r;
    buffer_add_text(&painted, front);
    buffer_add_text(&painted, without_comment(style->data));
    free(TAKE(style->data));
    return buffer_take(&painted, &style->data, &style->size);
}

static int load_shipped(const struct settings *settings, enum asset asset, struct file *file)
{
    _cleanup_free_ char *path = NULL;
    int r;

    if (asprintf(&path, "%s/%s", settings->assets, shipped[asset].name) < 0)
        return -ENOMEM;
    r = read_file(path, file);
    if (r == 0 && asset == ASSET_STYLE)
        r = paint(settings, file);
    if (r == 0)
        name_file(file, shipped[asset].name, shipped[asset].type);
    return r;
}

static int load_logo(const char *path, struct file *file)
{
    size_t length = strlen(path), i = 0;
    int r;

    while (i < ELEMENTS(logos) &&
           (length < strlen(logos[i].suffix) ||
            strcmp(path + length - strlen(logos[i].suffix), logos[i].suffix) != 0))
        i++;
    if (i == ELEMENTS(logos))
        return refuse(path, "a logo is an .svg or .png file");
    r = read_file(path, file);
    if (r == 0)
        name_file(file, logos[i].name, logos[i].type);
    return r;
}

int assets_load(const struct settings *settings, struct assets **ret)
{
    _cleanup_(assets_free_p) struct assets *assets = calloc(1, sizeof *assets);
    int r = 0;

    if (!assets)
        return -ENOMEM;
    for (enum asset i = 0; i < ASSETS && r == 0; i++) {
        if (shipped[i].name)
            r = load_shipped(settings, i, &assets->file[i]);
    }
    if (r == 0 && settings->logo && *settings->logo)
        r = load_logo(settings->logo, &assets->file[ASSET_LOGO]);
    if (r == 0)
        *ret = TAKE(assets);
    return r;
}

const char *assets_path(const struct assets *assets, enum asset asset)
{
    return assets->file[asset].path;
}

int assets_find(const struct assets *assets, const char *path, const void **ret, size_t *ret_size,
                const char **ret_type)
{
    for (size_t i = 0; i < ASSETS; i++) {
        const struct file *file = &assets->file[i];

        if (*file->path && strcmp(file->path, path) == 0) {
            *ret = file->data;
            *ret_size = file->size;
            *ret_type = file->type;
            return 0;
        }
    }
    return -ENOENT;
}
