# What has to change in cn=config so that it has what Portal wants and keeps what the site has:
#     awk -v mode=apply|remove -v want=FILE -v have=FILE -v record=FILE -v new_record=FILE
#         -v portald=DN [-v guard=RULE] -f merge.awk                           prints LDIF
#
# want and have are LDIF. The record says what Portal brought, a line each, with tabs between:
#     DN ATTRIBUTE NEW OLD    a value, and what stood there before it, or nothing
#     DN ! ! !                a whole entry (an overlay)
# What the record names is first taken back in thought ("base"): that is the site's own. What is
# wanted is then put on top of it, and what differs from what is there comes out as changes. So
# doing it twice changes nothing, and removing is the same with nothing put on top.

function text_key(s) {
    gsub(/[ \t]+/, " ", s)
    return tolower(s)
}

# slapd numbers what it stores: {3}syncprov, {0}to dn.subtree=…
function unnumbered(s) {
    sub(/^[{][0-9]+[}]/, "", s)
    return s
}

function dn_key(dn) {
    if (tolower(dn) ~ /^(cn|olcoverlay)=[{][0-9]+[}]/ && tolower(dn) !~ /^cn=module/)
        sub(/=[{][0-9]+[}]/, "=", dn)
    return tolower(dn)
}

function decoded(value, command, line, whole) {
    command = "printf %s '" value "' | base64 -d"
    while ((command | getline line) > 0)
        whole = whole (whole == "" ? "" : " ") line
    close(command)
    return whole
}

function push(list, key, value) {
    list[key, ++list[key, "n"]] = value
}

function has(list, key, value, i) {
    for (i = 1; i <= list[key, "n"]; i++)
        if (text_key(list[key, i]) == text_key(value))
            return i
    return 0
}

# One LDIF line, unfolded.
function take(line, into, at, name, value) {
    if (line == "" || line == "-" || line ~ /^#/)
        return
    at = index(line, ":")
    name = substr(line, 1, at - 1)
    value = substr(line, at + 1)
    if (substr(value, 1, 1) == ":") {
        value = substr(value, 2)
        sub(/^ */, "", value)
        value = value ~ /^[A-Za-z0-9+\/=]*$/ ? decoded(value) : ""
    }
    sub(/^ */, "", value)
    if (name == "dn") {
        dn = dn_key(value)
        if (!((into, dn) in known)) {
            known[into, dn] = value
            if (into == "want")
                want_dn[++want_dns] = dn
        }
        return
    }
    if (name == "changetype" || name == "add" || name == "replace") {
        if (name == "replace")
            replaced[dn, value] = 1
        if (name == "changetype" && value == "add")
            added_entry[dn] = 1
        return
    }
    if (into == "want") {
        if (!((dn, name) in seen)) {
            seen[dn, name] = 1
            want_name[dn, ++want_names[dn]] = name
        }
        push(wanted, dn SUBSEP name, value)
    } else {
        if (value ~ /^[{][0-9]+[}]/)
            numbered[dn, name] = 1
        push(there, dn SUBSEP name, unnumbered(value))
    }
}

function load(file, into, line, whole) {
    while ((getline line < file) > 0) {
        if (line ~ /^ /) {
            whole = whole substr(line, 2)
            continue
        }
        take(whole, into)
        whole = line
    }
    take(whole, into)
    close(file)
}

function load_record(line, part, key) {
    while ((getline line < record) > 0) {
        split(line, part, "\t")
        has_record = 1
        if (part[2] == "!")
            brought_entry[part[1]] = 1
        else {
            key = part[1] SUBSEP part[2]
            push(brought, key, part[3])
            push(instead, key, part[4])
            record_key[key] = 1
        }
    }
    close(record)
}

# Rules that an earlier version left where no record was kept: those that name portald's account.
function is_earlier(name, value) {
    if (name == "olcAccess" && value == "to attrs=userPassword by anonymous sockurl.regex=\"^ldapi://\" auth by * none")
        return 1
    if (name == "olcAccess")
        return index(value, "by dn.exact=\"" portald "\"") > 0
    if (name == "olcAuthzRegexp")
        return value ~ /^"\^gidNumber=/ && index(value, "\"" portald "\"") > 0
    return 0
}

function adopt(i, j, k, d, name, key) {
    for (i = 1; i <= want_dns; i++) {
        d = want_dn[i]
        if ((d in added_entry) && (("have", d) in known))
            brought_entry[d] = 1
        for (j = 1; j <= want_names[d]; j++) {
            name = want_name[d, j]
            key = d SUBSEP name
            for (k = 1; k <= there[key, "n"]; k++)
                if (has(wanted, key, there[key, k]) || is_earlier(name, there[key, k])) {
                    push(brought, key, there[key, k])
                    push(instead, key, "")
                }
        }
    }
}

function earlier_left_something(i, d, key) {
    for (i = 1; i <= want_dns; i++) {
        d = want_dn[i]
        key = d SUBSEP "olcAccess"
        for (k = 1; k <= there[key, "n"]; k++)
            if (is_earlier("olcAccess", there[key, k]))
                return 1
    }
    return 0
}

# What the site itself has, and in "place" where ours began.
function make_base(key, i, r) {
    base[key, "n"] = 0
    place = 0
    for (i = 1; i <= there[key, "n"]; i++) {
        r = has(brought, key, there[key, i])
        if (!r)
            push(base, key, there[key, i])
        else {
            if (!place)
                place = base[key, "n"] + 1
            if (instead[key, r] != "")
                push(base, key, instead[key, r])
        }
    }
    if (!place)
        place = 1
}

function note_value(d, name, value, old) {
    printf "%s\t%s\t%s\t%s\n", d, name, value, old > new_record
}

# An index that the site has for the same attribute gets the kinds that it lacks.
function merge_index(key, d, name, i, j, value, kinds, part, names, all, have_kinds, old) {
    for (i = 1; i <= wanted[key, "n"]; i++) {
        split(wanted[key, i], part, " ")
        names = 0
        for (j = 1; j <= final[key, "n"] && !names; j++) {
            value = final[key, j]
            all = value
            sub(/ .*/, "", all)
            if (index("," tolower(all) ",", "," tolower(part[1]) ","))
                names = j
        }
        if (!names) {
            push(final, key, wanted[key, i])
            note_value(d, name, wanted[key, i], "")
            continue
        }
        value = old = final[key, names]
        if (value !~ / /)
            continue
        have_kinds = value
        sub(/^[^ ]* +/, "", have_kinds)
        kinds = part[2]
        while (kinds != "") {
            all = kinds
            sub(/,.*/, "", all)
            if (!index("," have_kinds ",", "," all ",")) {
                value = value "," all
                have_kinds = have_kinds "," all
            }
            if (!sub(/^[^,]*,/, "", kinds))
                kinds = ""
        }
        if (value == old)
            continue
        final[key, names] = value
        # Several of ours may have changed the same line: the first knows what the site had.
        if ((key, old) in origin) {
            origin[key, value] = origin[key, old]
            delete origin[key, old]
        } else
            origin[key, value] = old
    }
    for (j = 1; j <= final[key, "n"]; j++)
        if ((key, final[key, j]) in origin)
            note_value(d, name, final[key, j], origin[key, final[key, j]])
}

function make_final(d, name, key, i, n) {
    final[key, "n"] = 0
    n = base[key, "n"]
    if (mode == "remove") {
        if (name == "olcAccess" && guard != "") {
            push(final, key, guard)
            note_value(d, name, guard, "")
        }
        for (i = 1; i <= n; i++)
            push(final, key, base[key, i])
        return
    }
    if (name == "olcDbIndex") {
        for (i = 1; i <= n; i++)
            push(final, key, base[key, i])
        merge_index(key, d, name)
        return
    }
    if ((d, name) in replaced) {
        push(final, key, wanted[key, 1])
        if (!n || base[key, 1] != wanted[key, 1])
            note_value(d, name, wanted[key, 1], n ? base[key, 1] : "")
        return
    }
    if (n && (name == "olcPPolicyDefault" || name == "olcSpCheckpoint")) {
        push(final, key, base[key, 1])
        return
    }
    for (i = 1; i < place && i <= n; i++)
        push(final, key, base[key, i])
    for (i = 1; i <= wanted[key, "n"]; i++)
        if (!has(base, key, wanted[key, i])) {
            push(final, key, wanted[key, i])
            note_value(d, name, wanted[key, i], "")
        }
    for (i = place; i <= n; i++)
        push(final, key, base[key, i])
}

function is_ordered(name) {
    return name == "olcAccess" || name == "olcLimits" || name == "olcAuthzRegexp"
}

function same(key, ordered, i) {
    if (there[key, "n"] + 0 != final[key, "n"] + 0)
        return 0
    for (i = 1; i <= final[key, "n"]; i++)
        if (ordered ? text_key(there[key, i]) != text_key(final[key, i]) : !has(there, key, final[key, i]))
            return 0
    return 1
}

function change(d, text) {
    changes[d] = changes[d] text "-\n"
}

# The site's own values are never written again: ours are taken out by number, and put in by number.
function emit_ordered(d, name, key, i, j, text) {
    for (i = there[key, "n"]; i >= 1; i--)
        if (has(brought, key, there[key, i]))
            change(d, "delete: " name "\n" name ": {" (i - 1) "}\n")
    for (i = 1; i <= final[key, "n"]; i++)
        if (!has(base, key, final[key, i]))
            text = text name ": {" (i - 1) "}" final[key, i] "\n"
    if (text != "")
        change(d, "add: " name "\n" text)
}

function emit_set(d, name, key, i, text) {
    for (i = 1; i <= there[key, "n"]; i++)
        if (!has(final, key, there[key, i]))
            text = text name ": " there[key, i] "\n"
    if (text != "")
        change(d, "delete: " name "\n" text)
    text = ""
    for (i = 1; i <= final[key, "n"]; i++)
        if (!has(there, key, final[key, i]))
            text = text name ": " final[key, i] "\n"
    if (text != "")
        change(d, "add: " name "\n" text)
}

function do_value(d, name, key) {
    key = d SUBSEP name
    make_base(key)
    make_final(d, name, key)
    if (same(key, is_ordered(name)))
        return
    if (is_ordered(name))
        emit_ordered(d, name, key)
    else if (((d, name) in replaced) && final[key, "n"])
        change(d, "replace: " name "\n" name ": " final[key, 1] "\n")
    else if ((d, name) in replaced)
        change(d, "delete: " name "\n")
    else
        emit_set(d, name, key)
}

function new_entry(d, noted, j, k, name, key) {
    printf "dn: %s\nchangetype: add\n", known["want", d]
    for (j = 1; j <= want_names[d]; j++) {
        name = want_name[d, j]
        key = d SUBSEP name
        for (k = 1; k <= wanted[key, "n"]; k++) {
            printf "%s: %s\n", name, wanted[key, k]
            if (noted && name != "objectClass" && name != "olcOverlay")
                note_value(d, name, wanted[key, k], "")
        }
    }
    print ""
}

# Whether nothing is left in an overlay's entry but what Portal brought.
function is_all_ours(d, j, name) {
    for (j = 1; j <= want_names[d]; j++) {
        name = want_name[d, j]
        if (name == "objectClass" || name == "olcOverlay")
            continue
        make_base(d SUBSEP name)
        if (base[d SUBSEP name, "n"])
            return 0
    }
    return 1
}

function entry_number(dn) {
    sub(/^[^{]*[{]/, "", dn)
    return dn + 0
}

# Deleting an overlay gives those behind it other numbers: the last one goes first.
function delete_entries(i, last) {
    for (; dooms > 0; dooms--) {
        last = 1
        for (i = 2; i <= dooms; i++)
            if (entry_number(doomed[i]) > entry_number(doomed[last]))
                last = i
        printf "dn: %s\nchangetype: delete\n\n", doomed[last]
        doomed[last] = doomed[dooms]
    }
}

function module_name(s) {
    sub(/.*\//, "", s)
    sub(/\.(la|so)$/, "", s)
    return s
}

# slapd can't unload a module, so that modules are no part of the record.
function do_modules(d, i, j, k, first, loaded, key, text, name) {
    if (mode == "remove")
        return
    for (k in known) {
        split(k, part, SUBSEP)
        if (part[1] != "have" || part[2] !~ /^cn=module/)
            continue
        if (first == "" || part[2] < first)
            first = part[2]
        key = part[2] SUBSEP "olcModuleLoad"
        for (j = 1; j <= there[key, "n"]; j++)
            loaded[module_name(there[key, j])] = 1
    }
    key = d SUBSEP "olcModuleLoad"
    for (i = 1; i <= wanted[key, "n"]; i++)
        if (!(wanted[key, i] in loaded))
            text = text "olcModuleLoad: " wanted[key, i] "\n"
    if (text == "")
        return
    if (first == "")
        print "dn: cn=module,cn=config\nchangetype: add\nobjectClass: olcModuleList\ncn: module\nolcModulePath: /usr/lib/ldap\n" text
    else
        print "dn: " known["have", first] "\nchangetype: modify\nadd: olcModuleLoad\n" text
}

function definition_name(s) {
    if (match(s, /NAME '[^']*'/))
        return substr(s, RSTART, RLENGTH)
    sub(/ .*/, "", s)
    return s
}

# The schema only grows: definitions that are missing or were made better. It is never taken back,
# because entries have it.
function do_schema(d, j, k, i, name, key, found) {
    if (mode == "remove")
        return
    if (!(("have", d) in known)) {
        new_entry(d, 0)
        return
    }
    for (j = 1; j <= want_names[d]; j++) {
        name = want_name[d, j]
        key = d SUBSEP name
        if (name !~ /^olc/)
            continue
        for (k = 1; k <= wanted[key, "n"]; k++) {
            if (has(there, key, wanted[key, k]))
                continue
            found = 0
            for (i = 1; i <= there[key, "n"]; i++)
                if (definition_name(there[key, i]) == definition_name(wanted[key, k]))
                    found = i
            if (found)
                change(d, "delete: " name "\n" name ": {" (found - 1) "}\n")
            change(d, "add: " name "\n" name ": " (found ? "{" (found - 1) "}" : "") wanted[key, k] "\n")
        }
    }
}

# A default policy of the site holds for customers, too: with lockout it is in front of portald's throttle.
function warn_of_policy(d, key) {
    key = d SUBSEP "olcPPolicyDefault"
    if (mode == "apply" && there[key, "n"] && !has(brought, key, there[key, 1]) && !has(wanted, key, there[key, 1]))
        printf "# The site's default password policy holds for customers, too: %s\n", there[key, 1]
}

function do_entry(d, j, name) {
    if (d ~ /^olcoverlay=ppolicy,/)
        warn_of_policy(d)
    if (d ~ /^cn=module/)
        return do_modules(d)
    if (d ~ /,cn=schema,cn=config$/)
        return do_schema(d)
    if ((d in added_entry) && mode == "apply" && ((d in brought_entry) || !(("have", d) in known)))
        printf "%s\t!\t!\t!\n", d > new_record
    if ((d in added_entry) && !(("have", d) in known)) {
        if (mode == "apply")
            new_entry(d, 1)
        return
    }
    if (mode == "remove" && (d in brought_entry) && is_all_ours(d)) {
        doomed[++dooms] = known["have", d]
        return
    }
    for (j = 1; j <= want_names[d]; j++) {
        name = want_name[d, j]
        if (name != "objectClass" && name != "olcOverlay")
            do_value(d, name)
    }
}

BEGIN {
    load(want, "want")
    load(have, "have")
    load_record()
    printf "" > new_record
    adopted = !has_record && earlier_left_something()
    if (adopted)
        adopt()
    if (mode == "remove" && !adopted && !has_record)
        exit
    for (e = 1; e <= want_dns; e++) {
        do_entry(want_dn[e])
        if (want_dn[e] in changes)
            printf "dn: %s\nchangetype: modify\n%s\n", known["have", want_dn[e]], changes[want_dn[e]]
    }
    delete_entries()
    close(new_record)
}
