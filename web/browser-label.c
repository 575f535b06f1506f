/* Browsers and systems by the words in User-Agent; browser_label() is the way in. The first row
   that fits counts: nearly all browsers also say what they are like. */
#include "config.h"

#include "browser-label.h"

#include <stdio.h>

struct mark {
    const char *word, *name;
};

static const struct mark browsers[] = {
    {"Edg", "Edge"},       {"OPR/", "Opera"},         {"SamsungBrowser", "Samsung Internet"},
    {"FxiOS", "Firefox"},  {"Firefox/", "Firefox"},   {"CriOS", "Chrome"},
    {"Chrome/", "Chrome"}, {"Chromium/", "Chromium"}, {"Safari/", "Safari"},
};
static const struct mark systems[] = {
    {"iPhone", "iPhone"},   {"iPad", "iPad"},      {"Android", "Android"}, {"CrOS", "ChromeOS"},
    {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
};

static const char *find(const struct mark *marks, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(text, marks[i].word))
            return marks[i].name;
    return "";
}

void browser_label(const char *user_agent, char ret[static SESSIONS_LABEL])
{
    const char *text = user_agent ? user_agent : "";
    const char *browser = find(browsers, ELEMENTS(browsers), text);
    const char *system = find(systems, ELEMENTS(systems), text);

    snprintf(ret, SESSIONS_LABEL, "%s%s%s", browser, *browser && *system ? ", " : "", system);
}
