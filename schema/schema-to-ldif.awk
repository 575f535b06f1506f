# Makes the cn=config form of a schema from its slapd.conf form:
#     awk -v name=portal -f schema-to-ldif.awk portal.schema > portal.ldif
# A definition starts in the first column and goes on in indented lines, as slapd reads it.

function flush_definition() {
    if (definition != "")
        print definition
    definition = ""
}

function keyword_attribute(keyword) {
    if (keyword == "objectidentifier")
        return "olcObjectIdentifier"
    if (keyword == "attributetype")
        return "olcAttributeTypes"
    if (keyword == "objectclass")
        return "olcObjectClasses"
    print FILENAME ":" FNR ": unknown definition: " keyword > "/dev/stderr"
    exit failed = 1
}

BEGIN {
    if (name == "") {
        print "usage: awk -v name=NAME -f schema-to-ldif.awk NAME.schema" > "/dev/stderr"
        exit failed = 1
    }
    print "# Made from " name ".schema; change that instead."
    print "dn: cn=" name ",cn=schema,cn=config"
    print "objectClass: olcSchemaConfig"
    print "cn: " name
}

/^#/ { next }

/^[ \t]*$/ {
    flush_definition()
    next
}

# An LDIF line goes on behind a newline and one blank, which both go; the second blank stays.
/^[ \t]/ {
    sub(/^[ \t]+/, "")
    definition = definition "\n  " $0
    next
}

{
    flush_definition()
    attribute = keyword_attribute($1)
    sub(/^[^ \t]+[ \t]+/, "")
    definition = attribute ": " $0
}

END {
    if (!failed)
        flush_definition()
    exit failed
}
