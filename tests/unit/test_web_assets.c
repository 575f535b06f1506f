/* What pages are made of besides HTML: its names, the insurer's colour, QR codes. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "scratch.h"
#include "web/assets.h"
#include "web/colour.h"
#include "web/qr.h"

#define STYLE_MOST  12288
#define SCRIPT_MOST 4096

static struct settings shipped(void)
{
    return (struct settings){.assets = (char *)SOURCE_DIR "/config/web",
                             .colour = (char *)"#ffdd00",
                             .colour_dark = (char *)"#7fd1e0"};
}

static const char *content(const struct assets *assets, enum asset asset, size_t *ret_size)
{
    const void *data;
    const char *type;

    assert_int_equal(assets_find(assets, assets_path(assets, asset), &data, ret_size, &type), 0);
    return data;
}

static void test_names_hold_the_hash_of_what_is_served(void **state)
{
    _cleanup_(assets_free_p) struct assets *one = NULL, *other = NULL;
    struct settings settings = shipped();
    const void *data;
    const char *type;
    size_t size;

    (void)state;
    assert_int_equal(assets_load(&settings, &one), 0);
    settings.colour = (char *)"#ffdd01";
    assert_int_equal(assets_load(&settings, &other), 0);
    assert_string_not_equal(assets_path(one, ASSET_STYLE), assets_path(other, ASSET_STYLE));
    assert_string_equal(assets_path(one, ASSET_SCRIPT), assets_path(other, ASSET_SCRIPT));
    assert_memory_equal(assets_path(one, ASSET_STYLE), "/static/", strlen("/static/"));
    assert_int_equal(assets_find(other, assets_path(one, ASSET_STYLE), &data, &size, &type),
                     -ENOENT);
    assert_int_equal(assets_find(one, "", &data, &size, &type), -ENOENT);
    assert_string_equal(assets_path(one, ASSET_LOGO), "");
}

static void test_style_has_the_colours_in_front_and_is_small(void **state)
{
    _cleanup_(assets_free_p) struct assets *assets = NULL;
    struct settings settings = shipped();
    size_t size;
    const char *style;

    (void)state;
    assert_int_equal(assets_load(&settings, &assets), 0);
    style = content(assets, ASSET_STYLE, &size);
    assert_memory_equal(style, ":root{--colour:#ffdd00;--on-colour:#000000;--link:#", 51);
    assert_in_range(size, 1, STYLE_MOST);
    content(assets, ASSET_SCRIPT, &size);
    assert_in_range(size, 1, SCRIPT_MOST);
    /* The grounds that colour.c measures against are the style sheet's. */
    assert_non_null(strstr(style, "--desk: #f2f0eb"));
    assert_non_null(strstr(style, "--done-tint: #1b2d22"));
}

static void test_problems_with_files_and_colours_are_refused(void **state)
{
    struct settings settings = shipped();
    struct assets *assets = NULL;
    char path[SCRATCH_PATH_SIZE];

    settings.colour = (char *)"red";
    assert_int_equal(assets_load(&settings, &assets), -EINVAL);
    settings = shipped();
    settings.assets = *state;
    assert_int_equal(assets_load(&settings, &assets), -EINVAL);
    settings = shipped();
    settings.logo = (char *)scratch_path(state, "logo.gif", path);
    scratch_write(path, "GIF", 3, 0600);
    assert_int_equal(assets_load(&settings, &assets), -EINVAL);
    assert_null(assets);
}

static void test_logo_is_served_as_what_it_is(void **state)
{
    _cleanup_(assets_free_p) struct assets *assets = NULL;
    struct settings settings = shipped();
    char path[SCRATCH_PATH_SIZE];
    const void *data;
    const char *type;
    size_t size;

    settings.logo = (char *)scratch_path(state, "logo.png", path);
    scratch_write(path, "P\0NG", 4, 0600);
    assert_int_equal(assets_load(&settings, &assets), 0);
    assert_int_equal(assets_find(assets, assets_path(assets, ASSET_LOGO), &data, &size, &type), 0);
    assert_int_equal(size, 4);
    assert_memory_equal(data, "P\0NG", 4);
    assert_string_equal(type, "image/png");
}

static void test_contrast_is_that_of_wcag(void **state)
{
    (void)state;
    assert_true(fabs(colour_contrast("#ffffff", "#000000") - 21) < 0.001);
    assert_true(fabs(colour_contrast("#777777", "#ffffff") - 4.48) < 0.005);
    assert_true(fabs(colour_contrast("#0000ff", "#ffffff") - 8.59) < 0.005);
    assert_true(colour_contrast("#12345", "#ffffff") == 0);
    assert_true(colour_contrast("#12345g", "#ffffff") == 0);
    assert_true(colour_contrast("#+12345", "#ffffff") == 0);
}

static void test_every_colour_is_made_readable(void **state)
{
    (void)state;
    for (unsigned colour = 0; colour <= 0xffffff; colour += 0x0f0d0b) {
        char text[16];
        struct colours light, dark;

        snprintf(text, sizeof text, "#%06x", colour);
        assert_int_equal(colours_make(text, COLOUR_LIGHT, &light), 0);
        assert_int_equal(colours_make(text, COLOUR_DARK, &dark), 0);
        assert_true(colour_contrast(text, light.on) >= 4.5);
        assert_true(colour_contrast(light.link, "#f2f0eb") >= 4.5);
        assert_true(colour_contrast(light.link, "#ffffff") >= 4.5);
        assert_true(colour_contrast(dark.link, "#1b2d22") >= 4.5);
        assert_true(colour_contrast(dark.link, "#141618") >= 4.5);
    }
}

static void test_qr_code_is_one_picture_with_a_name(void **state)
{
    _cleanup_wipe_free_ char *svg = NULL;
    char *untouched = NULL;
    char long_text[4096];

    (void)state;
    assert_int_equal(qr_svg("otpauth://totp/x?secret=ABC", "Code of \"x\" <y>", &svg), 0);
    assert_non_null(strstr(svg, "role=\"img\" aria-label=\"Code of &quot;x&quot; &lt;y&gt;\""));
    assert_non_null(strstr(svg, "viewBox=\"0 0 37 37\"")); /* version 3, and the quiet zone */
    assert_non_null(strstr(svg, "d=\"M4 4h7v1h-7z"));
    assert_null(strstr(svg, "style="));
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(qr_svg(long_text, "x", &untouched), -E2BIG);
    assert_null(untouched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_hold_the_hash_of_what_is_served),
        cmocka_unit_test(test_style_has_the_colours_in_front_and_is_small),
        cmocka_unit_test_setup_teardown(test_problems_with_files_and_colours_are_refused,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_logo_is_served_as_what_it_is, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(test_contrast_is_that_of_wcag),
        cmocka_unit_test(test_every_colour_is_made_readable),
        cmocka_unit_test(test_qr_code_is_one_picture_with_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
