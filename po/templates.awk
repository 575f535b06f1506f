# Originals of web templates, {{_}}…{{/_}}, as C that xgettext reads. Blanks and line breaks become single
# blanks, as in web/template-compile.c.
function say(text)
{
    gsub(/[ \t\n]+/, " ", text)
    sub(/^ /, "", text)
    sub(/ $/, "", text)
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    print "/* xgettext:no-c-format */ N_(\"" text "\")"
}

function finish(   at, end)
{
    while ((at = index(file, "{{_}}")) > 0) {
        file = substr(file, at + 5)
        end = index(file, "{{/_}}")
        if (end == 0)
            break
        say(substr(file, 1, end - 1))
        file = substr(file, end + 6)
    }
    file = ""
}

FNR == 1 { finish() }
{ file = file $0 "\n" }
END { finish() }
